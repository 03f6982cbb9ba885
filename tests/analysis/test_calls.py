from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.calls import (
    Soundness,
    clock_offsets,
    distinct,
    edges,
    mended,
    on_one_clock,
    soundness,
)
from analysis.frames import SPAN_SCHEMA

MS = 1_000_000


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    empty = dict.fromkeys(SPAN_SCHEMA)
    return pl.DataFrame(
        [empty | {"status": "unset", "trace_id": "t"} | row for row in rows],
        schema=dict(SPAN_SCHEMA),
    )


def span(id_: str, parent: str | None, service: str, start: float, length: float, **more: Any):
    return {"span_id": id_, "parent_id": parent, "service": service, "ts_ns": int(start * MS),
            "duration_ns": int(length * MS), "operation": "op"} | more  # fmt: skip


def call(number: int, ahead: float = 0.0, **more: Any) -> list[dict[str, Any]]:
    """A gateway's request, its call of 10 ms, and the replica that serves it for 8 ms."""
    at = 100.0 * number
    trace = {"trace_id": f"t{number}"} | more
    return [
        span("a", None, "gateway", at, 20, **trace),
        span("b", "a", "gateway", at + 5, 10, kind="client", **trace),
        span("c", "b", "replica", at + 6 + ahead, 8, kind="server", **trace),
    ]


def test_calls_are_counted_with_the_weight_of_their_sample():
    found = edges(frame(*call(1, weight=10.0), *call(2)))

    assert [("gateway", "replica", False, 11.0, 0.0, 0.0, 0.01)] == found.rows()


def test_a_message_between_makes_an_edge_asynchronous():
    rows = [span("a", None, "gateway", 0, 1, kind="producer"),
            span("b", "a", "worker", 500, 3, kind="consumer")]  # fmt: skip

    assert [True] == edges(frame(*rows))["is_async"].to_list()


def test_a_call_after_a_failed_one_of_the_same_parent_is_a_retry():
    rows = [span("a", None, "gateway", 0, 50)]
    for number, status in enumerate(["error", "error", "ok"]):
        rows += [
            span(f"b{number}", "a", "gateway", 10 * number, 8, kind="client", status=status),
            span(f"c{number}", f"b{number}", "replica", 10 * number + 1, 6, status=status),
        ]

    found = edges(frame(*reversed(rows))).row(0, named=True)

    assert (3.0, 2.0, 2.0) == (found["calls"], found["errors"], found["retries"])


def test_doubles_and_orphans_are_told():
    rows = [*call(1), call(1)[2] | {"duration_ns": 1}, span("x", "gone", "gateway", 5, 1)]
    rows.append(span("y", None, "gateway", 0, 1) | {"duration_ns": None})
    spans = frame(*rows)

    assert Soundness(spans=6, duplicates=1, orphans=1, endless=1) == soundness(spans)
    kept = distinct(spans).filter(span_id="c")
    assert [8 * MS] == kept["duration_ns"].to_list()


def test_a_clock_that_is_off_is_set_by_its_callers():
    spans = frame(*(row for number in range(6) for row in call(number, ahead=300.0)))

    assert [("gateway", "replica", 299 * MS)] == clock_offsets(spans).rows()
    assert clock_offsets(on_one_clock(spans)).is_empty()
    assert set(edges(spans).rows()) == set(edges(on_one_clock(spans)).rows())


def test_clocks_that_agree_are_left_alone():
    spans = frame(*(row for number in range(6) for row in call(number)))

    assert clock_offsets(spans).is_empty()
    assert on_one_clock(spans).equals(spans)


@settings(max_examples=40, deadline=None)
@given(
    ahead=st.floats(-5_000, 5_000),
    order=st.randoms(),
    lost=st.sets(st.integers(0, 17), max_size=6),
)
def test_no_order_of_spans_changes_what_is_said(ahead: float, order: Any, lost: set[int]):
    rows = [row for number in range(6) for row in call(number, ahead)]
    kept = [row for place, row in enumerate(rows) if place not in lost]
    shuffled = list(kept)
    order.shuffle(shuffled)

    assert edges(frame(*kept)).equals(edges(frame(*shuffled)))
    assert clock_offsets(frame(*kept)).equals(clock_offsets(frame(*shuffled)))
    mended = on_one_clock(frame(*kept))
    assert clock_offsets(mended).is_empty()
    assert mended.height == len(kept)


def test_spans_are_mended_before_a_verdict_reads_them_and_it_is_told():
    rows = [row for number in range(6) for row in call(number, ahead=300.0)]
    before, during = frame(*rows[:9]), frame(*rows[9:], rows[-1])

    old, new, told = mended(before, during)

    assert (9, 9) == (old.height, new.height)
    assert clock_offsets(pl.concat([old, new])).is_empty()
    assert [
        "the clock of replica is 299 ms ahead of gateway's: its spans were set right",
        "1 of 19 spans were there twice",
    ] == told


def test_a_root_whose_caller_sends_no_spans_is_no_orphan_but_a_lost_parent_is_told():
    rows = [row for number in range(6) for row in call(number)]
    remote = frame(*(row | {"parent_id": row["parent_id"] or "elsewhere"} for row in rows))
    lost = frame(*(row for row in rows if row["span_id"] != "b"))

    assert [] == mended(frame(*rows), remote)[2][1:], "but the spans that both frames hold"
    assert ["6 of 12 spans have a parent that was not read"] == mended(lost, lost.clear())[2]


def test_frames_without_what_calls_need_are_left_alone():
    spans = pl.DataFrame({"trace_id": ["t"], "ts_ns": [1]})

    old, new, told = mended(pl.DataFrame(), spans)

    assert old.is_empty()
    assert new.equals(spans)
    assert [] == told
