"""The order of events inside spans, in health and in an incident: which step stopped following.

An exception or an early return leaves no mark in any metric. It does change what follows what: the
statement that always came next no longer comes. This is Nezha's idea (FSE 2023, event patterns per
trace, normal against faulty), with likelihood ratios in place of fixed supports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from analysis.ranking.statements import is_error, statement, words

STEP: Final = ("entity", "event", "next")
END: Final = "end"
NEW_ERROR_WEIGHT: Final = 2.0
"""A step that is replaced by an error never seen in health counts double."""


@dataclass(frozen=True)
class Break:
    """`event` was followed by `expected` in a share of cases that fell by `drop`.

    `score` is that drop times the likelihood ratio (G statistic) of the two shares, less what the
    healthy windows differ among themselves. `says` is what both events say in words.
    """

    event: str
    expected: str
    drop: float
    score: float
    says: tuple[str, str] = ("", "")


def steps(spans: pl.DataFrame, logs: pl.DataFrame) -> pl.DataFrame:
    """How often each event follows which within a span: entity, event, next, error, count, says.

    `spans` needs entity, span_id, ts_ns and operation; `logs` span_id, ts_ns and body.
    """
    known = spans.select("span_id", "entity")
    begun = spans.select(
        "span_id",
        "ts_ns",
        (pl.col("operation") + " start").alias("event"),
        (pl.col("operation") + " start").alias("says"),
        error=pl.lit(value=False),
    )
    told = logs.select(
        "span_id",
        "ts_ns",
        statement(pl.col("body")).alias("event"),
        words(pl.col("body")).alias("says"),
        is_error(pl.col("body")).alias("error"),
    )
    events = pl.concat([begun, told]).join(known, on="span_id")
    following = pl.col("event").shift(-1).over("span_id").fill_null(END)
    wrong = pl.col("error").shift(-1).over("span_id").fill_null(value=False)
    then = pl.col("says").shift(-1).over("span_id").fill_null(END)
    return (
        events.sort("span_id", "ts_ns", "event")
        .with_columns(following.alias("next"), wrong.alias("wrong"), then.alias("then"))
        .group_by(STEP)
        .agg(
            pl.len().alias("count"),
            pl.col("wrong").any().alias("error"),
            pl.col("says", "then").min(),
        )
    )


def breaks(healthy: Sequence[pl.DataFrame], faulty: pl.DataFrame) -> Mapping[str, Break]:
    """The clearest break of each entity; `healthy` are windows of steps, the more the better."""
    pooled = _pool(healthy)
    compared = _compare(pooled, faulty).join(_unrest(healthy), on=STEP, how="left")
    broken = compared.join(_new_errors(pooled, faulty), on=STEP[:2], how="left").with_columns(
        score=pl.col("drop")
        * (pl.col("g") - pl.col("unrest").fill_null(0.0))
        * pl.col("weight").fill_null(1.0)
    )
    best = (
        broken.filter((pl.col("drop") > 0) & (pl.col("score") > 0))
        .sort(["score", "event", "next"], descending=[True, False, False])
        .unique("entity", keep="first", maintain_order=True)
    )
    told = best.join(pooled, on=STEP, how="left").select(*STEP, "drop", "score", "says", "then")
    return {
        entity: Break(event, following, drop, score, (says or "", then or ""))
        for entity, event, following, drop, score, says, then in told.iter_rows()
    }


def _pool(windows: Sequence[pl.DataFrame]) -> pl.DataFrame:
    every = pl.concat(windows).group_by(STEP)
    return every.agg(pl.col("count").sum(), pl.col("error").any(), pl.col("says", "then").min())


def _unrest(healthy: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """How far healthy windows differ, by step: the largest G of one against the rest."""
    if len(healthy) < 2:
        return pl.DataFrame(schema={**dict.fromkeys(STEP, pl.String), "unrest": pl.Float64})
    apart = [
        _compare(_pool([*healthy[:index], *healthy[index + 1 :]]), window)
        for index, window in enumerate(healthy)
    ]
    return pl.concat(apart).group_by(STEP).agg(pl.col("g").max().alias("unrest"))


def _compare(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Share of each step among those from the same event, before and after, and their G."""
    joined = before.select(*STEP, "count").join(
        after.select(*STEP, "count"), on=STEP, how="full", coalesce=True, suffix="_after"
    )
    hits, hits_after = pl.col("count").fill_null(0), pl.col("count_after").fill_null(0)
    whole, whole_after = hits.sum().over(STEP[:2]), hits_after.sum().over(STEP[:2])
    counted = joined.with_columns(a=hits, n=whole, b=hits_after, m=whole_after)
    both = counted.filter((pl.col("n") > 0) & (pl.col("m") > 0))
    return both.select(
        *STEP,
        drop=pl.col("a") / pl.col("n") - pl.col("b") / pl.col("m"),
        g=_g(*map(pl.col, "anbm")),
    )


def _g(a: pl.Expr, n: pl.Expr, b: pl.Expr, m: pl.Expr) -> pl.Expr:
    return 2 * (_likelihood(a, n) + _likelihood(b, m) - _likelihood(a + b, n + m))


def _likelihood(hits: pl.Expr, of: pl.Expr) -> pl.Expr:
    """Log likelihood of a share at its own estimate; 0 log 0 is 0."""
    return _x_log_share(hits, of) + _x_log_share(of - hits, of)


def _x_log_share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(part > 0).then(part * (part / whole).log()).otherwise(0.0)


def _new_errors(healthy: pl.DataFrame, faulty: pl.DataFrame) -> pl.DataFrame:
    fresh = faulty.filter("error").join(healthy, on=STEP, how="anti")
    return fresh.select(STEP[:2]).unique().with_columns(weight=pl.lit(NEW_ERROR_WEIGHT))
