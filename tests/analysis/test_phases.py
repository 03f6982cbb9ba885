from __future__ import annotations

import polars as pl
import pytest

from analysis.frames import check_spans
from analysis.phases import attribute, phases
from tests.analysis.scenes import HEALTHY_PHASES, requests

TWO = ("heron", "stilt")


def shares(before: pl.DataFrame, during: pl.DataFrame) -> dict[tuple[str, str], float]:
    return {(share.phase, share.entity): share.share for share in attribute(before, during)}


def test_exclusive_times_of_a_request_add_up_to_its_duration():
    spans = check_spans(requests(TWO, {}, 1))
    root = spans.filter(pl.col("parent_id").is_null())

    assert phases(spans)["seconds"].sum() == pytest.approx(root["duration_ns"].item() / 1e9)


def test_every_phase_is_charged_to_its_entity():
    found = phases(requests(TWO, {}, 2))

    assert set(found.select("phase", "entity").rows()) >= {
        ("queue", "gateway"), ("upstream", "upstream/features"), ("network", "gateway"),
        ("queue", "replica/heron"), ("prefill", "replica/heron"), ("decode", "replica/stilt"),
    }  # fmt: skip


def test_a_slow_upstream_takes_nearly_all_of_the_increase():
    got = shares(requests(TWO, {}, 60), requests(TWO, {"upstream": 0.4}, 60, seed=1))

    assert got["upstream", "upstream/features"] > 0.7


def test_a_slow_replica_takes_the_increase_of_the_slow_requests():
    slow = {"heron": {"prefill": 0.2, "decode": 1.75}}
    got = shares(requests(TWO, {}, 60), requests(TWO, {}, 60, seed=1, by=slow))

    assert got["decode", "replica/heron"] > 0.6


def test_waiting_at_the_gateway_is_told_from_waiting_at_a_replica():
    got = shares(requests(TWO, {}, 60), requests(TWO, {"wait": 2.0}, 60, seed=1))

    assert got["queue", "gateway"] > 0.8


def test_too_few_requests_say_nothing():
    assert attribute(requests(TWO, {}, 3), requests(TWO, {"wait": 9.0}, 3)) == ()


def test_no_spans_at_all_say_nothing():
    assert attribute(pl.DataFrame(), pl.DataFrame()) == ()


def test_the_order_of_rows_does_not_matter():
    before, during = requests(TWO, {}, 40), requests(TWO, {"decode": 1.0}, 40, seed=1)
    shuffled = during.sample(fraction=1.0, shuffle=True, seed=3)

    assert [(s.phase, s.entity) for s in attribute(before, during)] == [
        (s.phase, s.entity) for s in attribute(before, shuffled)
    ]


def test_a_span_delivered_twice_counts_once():
    spans = requests(TWO, {}, 5)

    assert phases(pl.concat([spans, spans])).equals(phases(spans))


def test_a_child_that_outlives_its_parent_never_makes_time_negative():
    spans = requests(TWO, {}, 3).with_columns(
        pl.when(pl.col("operation") == "decode")
        .then(pl.col("duration_ns") * 50)
        .otherwise(pl.col("duration_ns"))
        .alias("duration_ns")
    )

    assert phases(spans)["seconds"].min() >= 0


def test_healthy_phases_are_found_as_long_as_they_were():
    found = (
        phases(requests(("heron",), {}, 200)).group_by("phase", "entity").agg(pl.mean("seconds"))
    )
    decode = found.filter(pl.col("phase") == "decode")["seconds"].item()

    assert decode == pytest.approx(HEALTHY_PHASES["decode"], rel=0.1)
