"""Who calls whom, from spans: edges with weights, errors and retries, on clocks set right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

LEAST_PAIRS: Final = 5
"""Calls between two services from which the difference of their clocks may be told."""

ASYNC: Final = ("producer", "consumer")
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


def soundness(spans: pl.DataFrame) -> Soundness:
    """Count what is wrong with canonical spans."""
    once = distinct(spans)
    known = once.select("trace_id", pl.col("span_id").alias("parent_id"))
    children = once.filter(pl.col("parent_id").is_not_null())
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
    """How far each service's clock is ahead of its caller's: caller, callee, offset_ns.

    A call lies within its caller's wait. Where the median call of a pair does not, the callee's
    clock is off by at least as much, and that is told; what stays within is taken as it is, since
    how the network's time is split nobody knows.
    """
    pairs = _pairs(distinct(spans)).filter(
        ~pl.col("is_async") & (pl.col("caller") != pl.col("callee")), pl.col("served_ns") >= 0
    )
    early = (pl.col("served_at") - pl.col("waited_at")).clip(upper_bound=0)
    late = pl.col("served_at") + pl.col("served_ns") - pl.col("waited_at") - pl.col("waited_ns")
    off = pl.when(early < 0).then(early).otherwise(late.clip(lower_bound=0))
    return (
        pairs.filter(pl.col("served_ns") <= pl.col("waited_ns"))
        .group_by("caller", "callee")
        .agg(off.median().cast(pl.Int64).alias("offset_ns"), pl.len().alias("pairs"))
        .filter(pl.col("pairs") >= LEAST_PAIRS, pl.col("offset_ns") != 0)
        .select("caller", "callee", "offset_ns")
        .sort("caller", "callee")
    )


def on_one_clock(spans: pl.DataFrame) -> pl.DataFrame:
    """The spans with the clocks of callees set by their callers', from the outside inwards.

    A service that several call is set by the caller that comes first by name.
    """
    found = clock_offsets(spans).unique("callee", keep="first", maintain_order=True)
    told = {callee: (caller, offset) for caller, callee, offset in found.iter_rows()}
    shifts = {service: _shift(service, told, frozenset()) for service in told}
    if not shifts:
        return spans
    ahead = pl.col("service").replace_strict(shifts, default=0, return_dtype=pl.Int64)
    return spans.with_columns((pl.col("ts_ns") - ahead.fill_null(0)).alias("ts_ns")).sort(
        "ts_ns", maintain_order=True
    )


def _shift(service: str, told: dict[str, tuple[str, int]], seen: frozenset[str]) -> int:
    if service not in told or service in seen:
        return 0
    caller, offset = told[service]
    return offset + _shift(caller, told, seen | {service})


def _pairs(spans: pl.DataFrame) -> pl.DataFrame:
    """Each span beside its parent, as a call: who waited and who served, from when, how long."""
    parents = spans.select(
        "trace_id", pl.col("span_id").alias("parent_id"), pl.col("service").alias("caller"),
        pl.col("kind").alias("caller_kind"), pl.col("ts_ns").alias("waited_at"),
        pl.col("duration_ns").alias("waited_ns"), pl.col("parent_id").alias("grandparent_id"),
        pl.col("operation").alias("call"), (pl.col("status") == "error").alias("call_failed"),
    )  # fmt: skip
    between = pl.col("kind").is_in(ASYNC) | pl.col("caller_kind").is_in(ASYNC)
    return spans.join(parents, on=("trace_id", "parent_id")).select(
        "trace_id", "caller", "waited_at", "waited_ns", "grandparent_id", "call",
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
