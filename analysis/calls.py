"""Who calls whom, from spans: edges with weights, errors and retries, on clocks set right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

LEAST_PAIRS: Final = 5
"""Calls between two services from which the difference of their clocks may be told."""
LEAST_OFFSET_NS: Final = 1_000_000
"""Clocks that are kept by NTP differ by as much, and a span's start is taken some time after it."""

CLOCK: Final = pl.coalesce("pod", "service")
ASYNC: Final = ("producer", "consumer")
NEEDED: Final = frozenset({
    "trace_id", "span_id", "parent_id", "ts_ns", "duration_ns", "service", "kind", "operation",
    "status", "weight", "pod",
})  # fmt: skip
TELLING: Final = 0.05
"""The share of spans without their parent from which it is told: some start before the window."""

EDGE_SCHEMA = {
    "caller": pl.String, "callee": pl.String, "is_async": pl.Boolean, "calls": pl.Float64,
    "errors": pl.Float64, "retries": pl.Float64, "seconds": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class Soundness:
    """What is wrong with spans, as counts: seen twice, without their parent, without duration."""

    spans: int
    duplicates: int
    orphans: int
    endless: int


def distinct(spans: pl.DataFrame) -> pl.DataFrame:
    """Each span once; of several with one id the one that lasted longest, which was whole."""
    ordered = spans.sort("duration_ns", descending=True, nulls_last=True, maintain_order=True)
    return ordered.unique(["trace_id", "span_id"], keep="first", maintain_order=True).sort(
        "ts_ns", "trace_id", "span_id"
    )


def mended(
    before: pl.DataFrame, during: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Both frames with each span once and on one clock, and what had to be mended or cannot be.

    Frames that lack any of NEEDED are left as they are.
    """
    if not all(set(frame.columns) >= NEEDED for frame in (before, during) if frame.height):
        return before, during, []
    sides = [frame.with_columns(is_new=pl.lit(at)) for at, frame in enumerate((before, during))
             if frame.height]  # fmt: skip
    if not sides:
        return before, during, []
    whole = pl.concat(sides, how="diagonal_relaxed")
    found, once = soundness(whole), distinct(whole)
    mended = on_one_clock(once)
    old, new = (
        mended.filter(is_new=at).drop("is_new") if frame.height else frame
        for at, frame in enumerate((before, during))
    )
    return old, new, [*_off(clock_offsets(once)), *_amiss(found)]


def _off(clocks: pl.DataFrame) -> Iterator[str]:
    for caller, callee, offset in clocks.iter_rows():
        way = "ahead of" if offset > 0 else "behind"
        yield (
            f"the clock of {callee} is {abs(offset) / 1e6:.3g} ms {way} {caller}'s: "
            "its spans were set right"
        )


def _amiss(found: Soundness) -> Iterator[str]:
    if found.duplicates:
        yield f"{found.duplicates} of {found.spans} spans were there twice"
    if found.orphans > TELLING * found.spans:
        yield f"{found.orphans} of {found.spans} spans have a parent that was not read"


def soundness(spans: pl.DataFrame) -> Soundness:
    """Count what is wrong with canonical spans.

    The first span of a trace is no orphan: its caller may well send no spans.
    """
    once = distinct(spans)
    known = once.select("trace_id", pl.col("span_id").alias("parent_id"))
    first = pl.int_range(pl.len()).over("trace_id") == 0
    children = once.filter(pl.col("parent_id").is_not_null(), ~first)
    return Soundness(
        spans=spans.height,
        duplicates=spans.height - once.height,
        orphans=children.join(known, on=("trace_id", "parent_id"), how="anti").height,
        endless=once["duration_ns"].null_count(),
    )


def edges(spans: pl.DataFrame) -> pl.DataFrame:
    """Calls between services; columns of EDGE_SCHEMA, sorted.

    Every span counts as often as its sampling weight says. A call is asynchronous where a message
    lies between. A call that follows a failed one of the same operation by the same parent is a
    retry. `seconds` is the mean that callers waited.
    """
    pairs = _pairs(distinct(spans)).filter(pl.col("caller") != pl.col("callee"))
    weight = pl.col("weight")
    return (
        pairs.with_columns(_is_retry().alias("is_retry"))
        .group_by("caller", "callee", "is_async")
        .agg(
            weight.sum().alias("calls"),
            weight.filter(pl.col("failed")).sum().alias("errors"),
            weight.filter(pl.col("is_retry")).sum().alias("retries"),
            ((pl.col("waited_ns") * weight).sum() / weight.sum() / 1e9).alias("seconds"),
        )
        .select(pl.col(name).cast(kind) for name, kind in EDGE_SCHEMA.items())
        .sort("caller", "callee", "is_async")
    )


def clock_offsets(spans: pl.DataFrame) -> pl.DataFrame:
    """How far each clock is ahead of its caller's: caller, callee, offset_ns.

    A clock is a pod's, or a service's where spans name no pod.

    A call begins within its caller's wait. Where the median call of a pair begins before, or after
    its end, the callee's clock is off by at least as much, and that is told. What begins within is
    taken as it is: how the network's time is split nobody knows, and a server may well work on
    when its answer has gone.
    """
    pairs = _pairs(distinct(spans)).filter(
        ~pl.col("is_async") & (pl.col("caller_clock") != pl.col("clock")), pl.col("served_ns") >= 0
    )
    early = pl.col("served_at") - pl.col("waited_at")
    late = early - pl.col("waited_ns")
    off = (
        pl.when(early < 0).then(early).when(late > 0).then(late + pl.col("served_ns")).otherwise(0)
    )
    return (
        pairs.filter(pl.col("served_ns") <= pl.col("waited_ns"))
        .group_by(pl.col("caller_clock").alias("caller"), pl.col("clock").alias("callee"))
        .agg(off.median().cast(pl.Int64).alias("offset_ns"), pl.len().alias("pairs"))
        .filter(pl.col("pairs") >= LEAST_PAIRS, pl.col("offset_ns").abs() >= LEAST_OFFSET_NS)
        .select("caller", "callee", "offset_ns")
        .sort("caller", "callee")
    )


def on_one_clock(spans: pl.DataFrame) -> pl.DataFrame:
    """The spans with the clocks of callees set by their callers', from the outside inwards.

    A clock that several call is set by the caller that comes first by name.
    """
    found = clock_offsets(spans).unique("callee", keep="first", maintain_order=True)
    told = {callee: (caller, offset) for caller, callee, offset in found.iter_rows()}
    shifts = {clock: _shift(clock, told, frozenset()) for clock in told}
    if not shifts:
        return spans
    ahead = CLOCK.replace_strict(shifts, default=0, return_dtype=pl.Int64)
    return spans.with_columns((pl.col("ts_ns") - ahead.fill_null(0)).alias("ts_ns")).sort(
        "ts_ns", maintain_order=True
    )


def _shift(clock: str, told: dict[str, tuple[str, int]], seen: frozenset[str]) -> int:
    if clock not in told or clock in seen:
        return 0
    caller, offset = told[clock]
    return offset + _shift(caller, told, seen | {clock})


def _pairs(spans: pl.DataFrame) -> pl.DataFrame:
    """Each span beside its parent, as a call: who waited and who served, from when, how long."""
    parents = spans.select(
        "trace_id", pl.col("span_id").alias("parent_id"), pl.col("service").alias("caller"),
        pl.col("kind").alias("caller_kind"), CLOCK.alias("caller_clock"),
        pl.col("ts_ns").alias("waited_at"), pl.col("duration_ns").alias("waited_ns"),
        pl.col("parent_id").alias("grandparent_id"),
        pl.col("operation").alias("call"), (pl.col("status") == "error").alias("call_failed"),
    )  # fmt: skip
    kind, caller_kind = (pl.col(name).cast(pl.String) for name in ("kind", "caller_kind"))
    between = kind.is_in(ASYNC) | caller_kind.is_in(ASYNC)
    return spans.join(parents, on=("trace_id", "parent_id")).select(
        "trace_id", "caller", "caller_clock", CLOCK.alias("clock"), "waited_at",
        "waited_ns", "grandparent_id", "call",
        pl.col("service").alias("callee"), pl.col("ts_ns").alias("served_at"),
        pl.col("duration_ns").alias("served_ns"), pl.col("weight").fill_null(1.0),
        between.fill_null(value=False).alias("is_async"),
        ((pl.col("status") == "error") | pl.col("call_failed")).fill_null(value=False)
        .alias("failed"),
    ).drop_nulls(["caller", "callee"])  # fmt: skip


def _is_retry() -> pl.Expr:
    by = ("trace_id", "caller", "callee", "call", "grandparent_id")
    failed_before = pl.col("failed").sort_by("waited_at", "served_at").shift(1, fill_value=False)
    place = pl.int_range(pl.len()).sort_by("waited_at", "served_at").arg_sort()
    return failed_before.gather(place).over(by) & pl.col("grandparent_id").is_not_null()
