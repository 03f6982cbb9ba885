"""One upstream under several names: what callers call it, what it calls itself, what metrics do.

Names are one by two kinds of proof. In spans, calls to a name that are answered by one service
alone; and a name of which there are only spans with one of which there are only series, where the
mean time of a call runs alike in both. The name that metrics use stands for all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analysis.calls import NEEDED
from analysis.phases import peer

LEAST_CALLS: Final = 5
ONE: Final = 0.95
"""The share of answered calls that one service must answer: behind a router there are several."""
MOST_NAMES: Final = 50
"""Each is compared with each; of more, such as addresses that change, none would stand out."""
LEAST_POINTS: Final = 12
ALIKE: Final = 0.95
"""Correlation of steps' differences; chance and common load alone do not come near it."""
APART: Final = 0.2
"""By how much the next best name must be less alike."""
SCALE: Final = 1.25
SMOOTHED: Final = (1, 2, 4, 8)
"""Steps that a recording rule may average over."""

CALLED: Final = r'("peer\.service"\s*:\s*)"(?:[^"\\]|\\.)*"'

Floats = NDArray[np.float64]
Means = Mapping[str, pl.DataFrame]


def unified(
    spans: Iterable[pl.DataFrame], series: pl.DataFrame, step_ns: int
) -> list[pl.DataFrame]:
    """The frames of spans with `peer.service` as metrics name it, where that is proven."""
    frames = list(spans)
    whole = [frame for frame in frames if frame.height and set(frame.columns) >= NEEDED]
    if not whole or any(frame.schema.get("attributes") != pl.String for frame in whole):
        return frames
    names = aliases(pl.concat([_calls(frame) for frame in whole]), series, step_ns)
    return (
        [_renamed(frame, names) if frame.height else frame for frame in frames] if names else frames
    )


def aliases(calls: pl.DataFrame, series: pl.DataFrame, step_ns: int) -> dict[str, str]:
    """The name that metrics use, by each other name of the same upstream."""
    mine = series.filter((pl.col("quantity") == "upstream_time") & (pl.col("part") == ""))
    known = {entity.partition("/")[2] for entity in mine["entity"].unique().to_list()}
    called = set(calls["peer"].unique().to_list())
    answered = _answered(calls)
    found = {
        alias: name for alias, name in answered.items() if alias not in known and name in known
    }
    unseen = known - called - set(answered.values())
    strange = called - known - set(found)
    told = {
        name: mine.filter(pl.col("entity") == f"upstream/{name}").select("ts_ns", "value")
        for name in unseen
    }
    seen = {name: calls.filter(pl.col("peer") == name) for name in strange}
    return found | alike(seen, told, step_ns)


def _calls(spans: pl.DataFrame) -> pl.DataFrame:
    """Calls by the name that the caller uses, and the service that answered each, if it told."""
    is_call = (pl.col("kind").str.to_lowercase() == "client") & pl.col("peer").is_not_null()
    answers = spans.select(
        "trace_id", pl.col("span_id").alias("parent"), peer(spans).alias("peer"), "kind",
        "ts_ns", "duration_ns", pl.col("service").alias("caller"),
    ).filter(is_call)  # fmt: skip
    below = spans.select("trace_id", pl.col("parent_id").alias("parent"), "service").unique()
    return answers.join(below, on=["trace_id", "parent"], how="left").select(
        "peer", "ts_ns", "duration_ns",
        pl.when(pl.col("service") != pl.col("caller")).then("service").alias("answered"),
    )  # fmt: skip


def _answered(calls: pl.DataFrame) -> dict[str, str]:
    """The one service that answers calls to a name; names that several answer are left out."""
    counts = (
        calls.drop_nulls("answered").group_by("peer", "answered").len("calls")
        .with_columns(share=pl.col("calls") / pl.col("calls").sum().over("peer"))
        .filter((pl.col("share") >= ONE) & (pl.col("calls") >= LEAST_CALLS))
    )  # fmt: skip
    return dict(
        counts.filter(pl.col("peer") != pl.col("answered")).select("peer", "answered").rows()
    )


def alike(seen: Means, told: Means, step_ns: int) -> dict[str, str]:
    """Names of spans -> names of series that run alike: each the other's best, by far."""
    if not seen or not told or max(len(seen), len(told)) > MOST_NAMES:
        return {}
    aliases_, names = sorted(seen), sorted(told)
    table = np.array(
        [[_likeness(seen[alias], told[name], step_ns) for name in names] for alias in aliases_]
    )
    return {
        aliases_[row]: names[column]
        for row, column in zip(*np.nonzero(table >= ALIKE), strict=True)
        if _stands_out(table[row], column) and _stands_out(table[:, column], row)
    }


def _stands_out(values: Floats, place: int) -> bool:
    others = np.delete(values, place)
    return not others.size or bool(values[place] - others.max() >= APART)


def _likeness(calls: pl.DataFrame, series: pl.DataFrame, step_ns: int) -> float:
    """The correlation of differences, of the best smoothing; 0 where the scales differ."""
    # A sample at a step is of what came before it.
    steps = (
        calls.with_columns(ts_ns=-(-pl.col("ts_ns") // step_ns) * step_ns)
        .group_by("ts_ns").agg(pl.len().alias("calls"), pl.col("duration_ns").sum().alias("ns"))
    )  # fmt: skip
    both = series.sort("ts_ns").join(steps, on="ts_ns", how="left", maintain_order="left")
    return max(_correlation(_smoothed(both, width)) for width in SMOOTHED)


def _smoothed(both: pl.DataFrame, width: int) -> pl.DataFrame:
    calls, ns = (pl.col(name).rolling_sum(width, min_samples=width) for name in ("calls", "ns"))
    return both.select("ts_ns", "value", mean=ns / calls / 1e9).drop_nulls()


def _correlation(pairs: pl.DataFrame) -> float:
    left, right = pairs["value"].to_numpy(), pairs["mean"].to_numpy()
    if len(left) < LEAST_POINTS or not left.sum() > 0:
        return 0.0
    ratio = right.sum() / left.sum()
    one, other = np.diff(left), np.diff(right)
    varying = min(np.count_nonzero(one), np.count_nonzero(other))
    if not 1 / SCALE <= ratio <= SCALE or varying < LEAST_POINTS - 1:
        return 0.0
    if not one.std() or not other.std():  # two ramps
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _renamed(spans: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    text, called = pl.col("attributes"), peer(spans)
    changed = text
    for alias, name in names.items():
        value = json.dumps(name, ensure_ascii=False).replace("$", "$$")
        changed = (
            pl.when(called == alias)
            .then(text.str.replace(CALLED, f"${{1}}{value}"))
            .otherwise(changed)
        )
    return spans.with_columns(changed.alias("attributes"))
