"""Time lost between two entities: what a caller waited beyond what the callee worked.

It is the callee's way that is slow, whoever calls: so each gap counts for the callee.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl


def gaps(spans: pl.DataFrame) -> pl.DataFrame:
    """Median wait beyond work by callee: entity, gap_ns.

    `spans` needs entity, span_id, parent_id and duration_ns.
    """
    gap = (pl.col("waited_ns") - pl.col("duration_ns")).clip(lower_bound=0)
    return _across(spans).group_by("entity").agg(gap.median().alias("gap_ns"))


def calls(spans: pl.DataFrame) -> Mapping[str, frozenset[str]]:
    """Callees of each entity, as the spans tell them."""
    pairs = _across(spans).select("caller", "entity").unique()
    grouped = pairs.group_by("caller").agg("entity")
    return {caller: frozenset(callees) for caller, callees in grouped.iter_rows()}


def _across(spans: pl.DataFrame) -> pl.DataFrame:
    """Spans whose parent is another entity's, with that caller and how long it waited."""
    callers = spans.select(
        pl.col("span_id").alias("parent_id"),
        pl.col("entity").alias("caller"),
        pl.col("duration_ns").alias("waited_ns"),
    )
    return spans.join(callers, on="parent_id").filter(pl.col("caller") != pl.col("entity"))


def delays(healthy: pl.DataFrame, faulty: pl.DataFrame) -> Mapping[str, float]:
    """Log ratio of each entity's gap to that in health, on top of the usual gap of all."""
    usual = healthy["gap_ns"].median()
    joined = faulty.join(healthy, on="entity", suffix="_healthy")
    if not isinstance(usual, int | float) or not usual:
        return {}
    ratio = (pl.col("gap_ns") + usual) / (pl.col("gap_ns_healthy") + usual)
    return dict(joined.select("entity", ratio.log()).iter_rows())
