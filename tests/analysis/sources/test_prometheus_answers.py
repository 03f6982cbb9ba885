"""What stores with Prometheus's API answer: histograms, exemplars, names, parts of the truth."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.sources import Gap, PrometheusSource, SourceError
from analysis.sources import prometheus as module
from analysis.sources.prometheus_frames import classic_buckets, increases
from tests.relay import Relay, relay
from tests.telemetry_reading import eventually

SECOND = 10**9
T0 = 1_795_428_000 * SECOND
CONFIG = """\
global: {scrape_interval: 1s, evaluation_interval: 1s}
scrape_configs:
- job_name: itself
  scrape_interval: 1500ms
  static_configs: [{targets: ["127.0.0.1:PORT"]}]
"""


@contextmanager
def answering(data: Any, **more: Any) -> Iterator[tuple[PrometheusSource, Relay]]:
    body = orjson.dumps({"status": "success", "data": data, **more})
    with relay(mode="fixed", body=body) as weather:
        source = PrometheusSource(weather.url, timeout=60.0)
        yield source, weather
        source.close()


def matrix(*series: dict[str, Any]) -> dict[str, Any]:
    return {"resultType": "matrix", "result": list(series)}


NATIVE = {
    "metric": {"job": "gateway"},
    "histograms": [[1_795_428_000, {
        "count": "10", "sum": "12.5",
        "buckets": [[3, "-0.001", "0.001", "2"], [0, "0.5", "1", "5"], [0, "1", "2", "3"]],
    }]],
}  # fmt: skip


def test_native_histograms_are_read_bucket_by_bucket():
    with answering(matrix(NATIVE)) as (source, _):
        frame = source.buckets("seconds", T0, T0, SECOND)

    assert [(-0.001, 0.001, 2.0), (0.5, 1.0, 5.0), (1.0, 2.0, 3.0)] == (
        frame.select("lower", "upper", "value").rows()
    )
    assert [T0] * 3 == frame["ts_ns"].to_list()
    assert ["gateway"] * 3 == frame["job"].to_list()
    assert [] == source.gaps


def classic(**counts: str) -> list[dict[str, Any]]:
    return [
        {"metric": {"le": le, "job": "gateway"}, "values": [[1_795_428_000, count]]}
        for le, count in counts.items()
    ]


def test_classic_histograms_are_read_as_the_same_buckets():
    with answering(matrix(*classic(**{"+Inf": "10", "0.5": "4", "1": "4", "2": "9"}))) as (it, _):
        frame = it.buckets("seconds_bucket", T0, T0, SECOND)

    assert [(0.0, 0.5, 4.0), (0.5, 1.0, 0.0), (1.0, 2.0, 5.0), (2.0, math.inf, 1.0)] == (
        frame.select("lower", "upper", "value").rows()
    )


def test_a_scrape_in_mid_write_makes_no_negative_bucket():
    frame = pl.DataFrame({"ts_ns": [1] * 3, "value": [5.0, 4.0, 7.0], "le": ["1", "2", "+Inf"]})

    assert [5.0, 0.0, 2.0] == classic_buckets(frame)["value"].to_list()


def test_series_without_buckets_are_no_histogram():
    with answering(matrix({"metric": {"a": "b"}, "values": [[1, "2"]]})) as (source, _):
        assert source.buckets("up", T0, T0, SECOND).is_empty()


def test_exemplars_name_their_trace():
    data = [{
        "seriesLabels": {"__name__": "seconds_bucket", "job": "gateway"},
        "exemplars": [
            {"labels": {"trace_id": "EpTxMJ40fUus7aGY"}, "value": "6", "timestamp": 1600096945.479},
            {"labels": {"traceID": "Olp9XHlq763ccsfa"}, "value": "19", "timestamp": 1600096955.479},
            {"labels": {}, "value": "20", "timestamp": 1600096975.489},
        ],
    }]  # fmt: skip
    with answering(data) as (source, _):
        frame = source.exemplars("seconds_bucket", T0, T0)

    assert ["eptxmj40fuus7agy".zfill(32), "olp9xhlq763ccsfa".zfill(32), None] == (
        frame["trace_id"].to_list()
    )
    assert [6.0, 19.0, 20.0] == frame["value"].to_list()
    assert 1_600_096_945_479_000_000 == frame["ts_ns"][0]
    assert "gateway" == frame["job"][0]


@pytest.mark.servers
def test_a_real_server_tells_its_names_kinds_and_intervals(start_prometheus, tmp_path: Path):
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.replace("PORT", "1"))
    source = PrometheusSource(start_prometheus(config).url, timeout=9.5)

    def tried() -> bool:
        return source.instant("up{job='itself'}").height > 0

    eventually(tried, 20)

    assert {"itself": 1_500_000_000} == source.scrape_intervals()
    assert ["itself"] == source.label_values("job", "up")
    assert {"__name__", "instance", "job"} <= set(source.label_names("up"))
    assert {} == source.metadata()
    scraped = source.instant("up[30s]")
    assert scraped.height >= 1
    assert scraped["ts_ns"].n_unique() == scraped.height
    source.close()


@pytest.mark.servers
def test_a_series_that_ended_is_not_carried_on(start_prometheus, tmp_path: Path):
    end = int(time.time()) + 4
    (tmp_path / "prometheus.yml").write_text(
        "global: {evaluation_interval: 1s}\nrule_files: [rules.yml]\n"
    )
    (tmp_path / "rules.yml").write_text(
        "groups: [{name: a, rules: [{record: 'until:end', expr: 'vector(1) and "
        f"on() (vector(time()) < {end})'}}]}}]\n"
    )
    source = PrometheusSource(start_prometheus(tmp_path / "prometheus.yml").url, timeout=9.5)
    eventually(lambda: time.time() > end + 4, 20)

    frame = source.range("until:end", (end - 5) * SECOND, (end + 4) * SECOND, SECOND)

    assert frame.height >= 1
    assert frame["ts_ns"].max() < (end + 2) * SECOND
    source.close()


@pytest.mark.parametrize(
    ("more", "gap"),
    [
        (  # Thanos, whose stores answer for themselves
            {"warnings": ["No StoreAPIs matched for this query"]},
            "the answer is partial: No StoreAPIs matched for this query",
        ),
        ({"isPartial": True}, "the answer is partial: isPartial"),  # VictoriaMetrics' cluster
        (
            {"warnings": ["PromQL warning: quantile value should be between 0 and 1, got 2"]},
            (
                "the query is doubtful: PromQL warning: quantile value should be between 0 and 1, "
                "got 2"
            ),
        ),
    ],
)
def test_an_answer_of_a_part_is_told_once(more, gap):
    with answering(matrix(), **more) as (source, _):
        for _ in range(3):
            source.range("up", T0, T0, SECOND)

    assert [Gap("prometheus", gap)] == source.gaps


def test_what_mimir_refuses_is_told_in_its_words():
    refusal = {
        "status": "error", "errorType": "bad_data",
        "error": "the query time range exceeds the limit (query length: 721h, limit: 720h)",
    }  # fmt: skip
    with relay(mode="fixed", body=orjson.dumps(refusal)) as weather:
        source = PrometheusSource(weather.url)
        with pytest.raises(SourceError, match="refused: the query time range exceeds the limit"):
            source.range("up", T0, T0, SECOND)
        source.close()


def test_more_values_than_anybody_reads_are_cut_and_told(monkeypatch):
    monkeypatch.setattr(module, "MOST_VALUES", 3)
    with answering(["a", "b", "c", "d"]) as (source, _):
        assert ["a", "b", "c"] == source.label_values("pod")

    assert [Gap("prometheus", "only 3 of 4 answers to label/pod/values were kept")] == source.gaps


def test_metadata_is_the_first_word_of_each_metric():
    data = {"up": [{"type": "gauge", "help": "Is it up.", "unit": ""}], "empty": []}
    with answering(data) as (source, _):
        assert {"up": module.Metadata("gauge", "Is it up.", "")} == source.metadata()


def test_a_hundred_thousand_series_of_one_point_are_read():
    series = [
        {"metric": {"pod": f"pod-{number}"}, "values": [[1, "1"]]} for number in range(100_000)
    ]
    with answering(matrix(*series)) as (source, _):
        frame = source.range("up", T0, T0, SECOND)

    assert (100_000, 100_000) == (frame.height, frame["pod"].n_unique())


def test_a_counter_that_fell_began_again_at_zero():
    frame = pl.DataFrame(
        {
            "ts_ns": [1, 2, 3, 4, 5, 6],
            "value": [5.0, 7.0, 2.0, 2.0, math.nan, 9.0],
            "pod": ["a"] * 6,
        }
    )

    assert [(2, 2.0), (3, 2.0), (4, 0.0)] == increases(frame).select("ts_ns", "value").rows()


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.integers(0, 1000), min_size=1, max_size=30),
    resets=st.sets(st.integers(0, 29)),
    order=st.randoms(),
)
def test_no_reset_loses_or_invents_more_than_one_step_hides(steps, resets, order):
    value, values = 0, []
    for place, step in enumerate(steps):
        value = step if place in resets else value + step
        values.append(float(value))
    rows = list(zip(range(len(values)), values, strict=True))
    order.shuffle(rows)
    frame = pl.DataFrame(rows, schema={"ts_ns": pl.Int64, "value": pl.Float64}, orient="row")

    risen = increases(frame)

    assert (risen["value"] >= 0).all()
    assert risen["value"].sum() <= sum(steps)
    if not resets & set(range(1, len(steps))):
        assert risen["value"].sum() == sum(steps[1:])
