"""What no healthy source would send, done to evidence that means nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
import polars as pl

from analysis.collect import Sources, collect
from analysis.config import AnalysisSection
from analysis.evidence import SECOND, SERIES_SCHEMA, Alert, Change, Evidence, Window
from analysis.sources.gap import Gap
from analysis.watch.webhook import PostedGroup
from benchmarks._nonsense import FACTS, Rng, noise, white
from exporters.posted import MalformedError, parse

Harm = Callable[[Evidence, Rng], Evidence]

WILD: Final = (np.nan, np.inf, -np.inf, -1.0, 0.0, 1e300, -1e300, 1e-300)
NAMES: Final = (
    "репли́ка", "副本①", "a/b/c", "../../etc/passwd", "<script>alert(1)</script>", '"; DROP TABLE',
    "{{ .Labels }}", "{entity}", "%s%n", "\u202eevil", "\x00", "\n\n", "🔥" * 50, "x" * 5000, "",
)  # fmt: skip
MANY: Final = 10_000
LONG_AGO, FAR = -(2**62), 2**62
EVIDENCE: Final = AnalysisSection(budget_seconds=60.0)


def nan_and_infinite(evidence: Evidence, rng: Rng) -> Evidence:
    """Values that are no numbers, in the middle of what is."""
    rows = evidence.series.height
    wild = pl.Series(rng.choice(WILD, rows))
    hit = pl.Series(rng.random(rows) < rng.choice((0.01, 0.1, 0.9)))
    return _with_values(evidence, pl.when(hit).then(wild).otherwise("value"))


def gaps(evidence: Evidence, rng: Rng) -> Evidence:
    """Stretches of samples are missing, of one entity or of all."""
    start, end = evidence.window.baseline_ns, evidence.window.end_ns
    for _ in range(int(rng.integers(1, 6))):
        begin = int(rng.integers(start, end))
        until = begin + int(rng.integers(1, (end - start) // 2))
        lost = pl.col("ts_ns").is_between(begin, until)
        if rng.random() < 0.7:
            lost &= pl.col("entity") == rng.choice(evidence.series["entity"].unique().sort())
        evidence = replace(evidence, series=evidence.series.filter(~lost))
    return evidence


def coming_and_going(evidence: Evidence, rng: Rng) -> Evidence:
    """Targets answer and do not answer by turns, each in its own rhythm."""
    period = {name: int(rng.integers(2, 9)) for name in evidence.series["entity"].unique().sort()}
    turn = (pl.col("ts_ns") // evidence.window.step_ns) % pl.col("entity").replace_strict(period)
    silent = tuple(Gap(name, "no metrics since 12:00:00 UTC") for name in sorted(period)[::3])
    return replace(
        evidence,
        series=evidence.series.filter(turn != 0),
        silent=silent if rng.random() < 0.5 else (),
    )


def resets(evidence: Evidence, rng: Rng) -> Evidence:
    """Single samples at 0 or a hundredfold: counters that began anew."""
    rows = evidence.series.height
    factor = pl.Series(np.where(rng.random(rows) < 0.5, 0.0, 100.0))
    hit = pl.Series(rng.random(rows) < 0.01)
    return _with_values(evidence, pl.when(hit).then(pl.col("value") * factor).otherwise("value"))


def one_point(evidence: Evidence, rng: Rng) -> Evidence:
    """One sample, of one series or of each."""
    row = evidence.series.sample(1, seed=_seed(rng))
    if rng.random() < 0.5:
        row = evidence.series.filter(pl.col("ts_ns") == row["ts_ns"][0])
    return replace(evidence, series=row)


def empty(evidence: Evidence, rng: Rng) -> Evidence:
    """Some frames have no rows, some not even columns."""
    frames: dict[str, Any] = {
        name: getattr(evidence, name).clear() if rng.random() < 0.5 else pl.DataFrame()
        for name in ("spans_before", "spans", "logs_before", "logs")
        if rng.random() < 0.7
    }
    return replace(evidence, series=evidence.series.clear(), **frames)


def missing_columns(evidence: Evidence, rng: Rng) -> Evidence:
    """Spans and logs lack columns: another exporter, another version."""

    def less(frame: pl.DataFrame) -> pl.DataFrame:
        kept = [name for name in frame.columns if name == "ts_ns" or rng.random() < 0.6]
        return frame.select(kept)

    return replace(
        evidence, spans=less(evidence.spans), spans_before=less(evidence.spans_before),
        logs=less(evidence.logs), logs_before=less(evidence.logs_before),
    )  # fmt: skip


def impossible_times(evidence: Evidence, rng: Rng) -> Evidence:
    """Spans that last less than nothing or for ever, before the epoch or far ahead."""
    lasts = pl.Series(rng.choice((-1, 0, FAR, LONG_AGO, 10**9), evidence.spans.height))
    at = pl.Series(rng.choice((LONG_AGO, 0, FAR, evidence.window.end_ns), evidence.spans.height))
    hit = pl.Series(rng.random(evidence.spans.height) < 0.3)
    return replace(
        evidence,
        spans=evidence.spans.with_columns(
            pl.when(hit).then(lasts).otherwise("duration_ns").alias("duration_ns"),
            pl.when(hit).then(at).otherwise("ts_ns").alias("ts_ns"),
        ),
    )


def backwards(evidence: Evidence, rng: Rng) -> Evidence:
    """Time runs backwards: rows reversed, twice the same moment, a window that ends early."""
    series = pl.concat([evidence.series.reverse(), evidence.series.head(500)])
    jumped = pl.col("ts_ns") - int(rng.integers(0, 3600)) * SECOND
    series = series.with_columns(
        pl.when(pl.Series(rng.random(series.height) < 0.2)).then(jumped).otherwise("ts_ns")
        .alias("ts_ns")
    )  # fmt: skip
    window = evidence.window
    if rng.random() < 0.5:
        window = Window(window.end_ns, window.start_ns, window.baseline_ns, window.step_ns)
    return replace(evidence, series=series, window=window)


def absurd_units(evidence: Evidence, rng: Rng) -> Evidence:
    """Every series in a unit of its own, down to where numbers end."""
    keys = evidence.series.select("entity", "quantity").unique(maintain_order=True)
    factor = keys.with_columns(factor=pl.Series(10.0 ** rng.uniform(-200, 200, keys.height)))
    facts = pl.col("quantity").is_in(list(FACTS))
    return replace(
        evidence,
        series=evidence.series.join(factor, on=("entity", "quantity"), how="left")
        .with_columns(
            value=pl.when(facts).then("value").otherwise(pl.col("value") * pl.col("factor"))
        )
        .select(list(SERIES_SCHEMA)),
    )


def many_entities(evidence: Evidence, rng: Rng) -> Evidence:
    """Ten thousand replicas, each with a few series."""
    rows = evidence.series.filter(
        (pl.col("entity") == "replica/heron")
        & pl.col("quantity").is_in(["attempt_time", "running", "kv_usage"])
    )
    names = pl.DataFrame({"entity": [f"replica/r{number}" for number in range(MANY)]})
    spread = names.join(rows.drop("entity").gather_every(4), how="cross")
    wild = pl.Series(rng.lognormal(0.0, 0.1, spread.height))
    spread = spread.with_columns(value=pl.col("value") * wild).select(list(SERIES_SCHEMA))
    return replace(evidence, series=pl.concat([evidence.series, spread]))


def odd_names(evidence: Evidence, rng: Rng) -> Evidence:
    """Entities, services, operations and lines in any script, with anything in them."""
    replica, upstream = (str(name) for name in rng.choice(NAMES, 2))
    renamed = pl.col("entity").replace(
        {"replica/heron": f"replica/{replica}", "upstream/features": f"upstream/{upstream}"}
    )
    body = pl.Series([str(name) for name in rng.choice(NAMES, evidence.logs.height)])
    change = Change(evidence.window.start_ns, "deploy", f"replica/{replica}", upstream, "", replica)
    return replace(
        evidence,
        series=evidence.series.with_columns(renamed.alias("entity")),
        spans=evidence.spans.with_columns(operation=pl.lit(upstream), pod=pl.lit(replica)),
        logs=evidence.logs.with_columns(body=body),
        placement={f"replica/{replica}": "gpu/0"},
        changes=(change,),
        gaps=(Gap(upstream, replica),),
    )


def cyclic(evidence: Evidence, rng: Rng) -> Evidence:
    """Spans that are their own ancestors, entities placed upon each other."""
    parents = evidence.spans["span_id"].sample(fraction=1.0, shuffle=True, seed=_seed(rng))
    ring = ("replica/heron", "gpu/0", "replica/stilt", "gateway", "replica/heron")
    return replace(
        evidence,
        spans=evidence.spans.with_columns(parent_id=parents),
        placement=dict(pairwise(ring)),
    )


def duplicated(evidence: Evidence, rng: Rng) -> Evidence:
    """Every span and line several times, samples twice with two values."""
    again = evidence.series.sample(fraction=0.3, seed=_seed(rng)).with_columns(
        value=pl.col("value") * 1.01
    )
    return replace(
        evidence,
        series=pl.concat([evidence.series, again]),
        spans=pl.concat([evidence.spans] * int(rng.integers(2, 6))),
        logs=pl.concat([evidence.logs] * 3),
    )


def odd_alert(evidence: Evidence, rng: Rng) -> Evidence:
    """Alertmanager's webhook with odd labels, or what is none; what is refused changes nothing."""
    odd = [str(name) for name in rng.choice(NAMES, 4)]
    labels = {"alertname": odd[0], "service": odd[1], odd[2]: odd[3]}
    if rng.random() < 0.3:
        labels = {}
    starts = rng.choice(
        ("2026-11-23T12:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "yesterday")
    )
    alert = {"status": "firing", "labels": labels, "startsAt": str(starts), "endsAt": "never"}
    body = json.dumps({
        "version": "4", "groupKey": odd[3] or "x", "status": rng.choice(("firing", "resolved")),
        "commonLabels": labels, "alerts": [alert] * int(rng.integers(0, 4)),
    }).encode()  # fmt: skip
    if rng.random() < 0.2:
        body = body[: int(rng.integers(len(body)))] + bytes(rng.integers(0, 256, 3, dtype=np.uint8))
    try:
        group = parse(PostedGroup, body, "an alert group")
        group.members()
        return replace(evidence, alert=group.alert())
    except MalformedError:
        return evidence


def odd_answers(evidence: Evidence, rng: Rng) -> Evidence:
    """A Prometheus whose answers lack labels, repeat themselves, and hold what is no number."""
    alert = Alert(evidence.alert.name, evidence.window.end_ns, {"service": "chat"})
    sources = Sources(metrics=_OddMetrics(rng))
    return collect(sources, EVIDENCE, alert, now_ns=evidence.window.end_ns)


class _OddMetrics:
    name = "prometheus"

    def __init__(self, rng: Rng) -> None:
        self.gaps: list[Gap] = []
        self._seed = _seed(rng)

    def range(self, query: str, start_ns: int, end_ns: int, step_ns: int) -> pl.DataFrame:
        rng = np.random.default_rng([self._seed, *query.encode()])
        times = np.arange(start_ns, end_ns + 1, step_ns)[:: int(rng.integers(1, 5))]
        values = white(rng, len(times))
        if rng.random() < 0.3:
            values = np.where(rng.random(len(times)) < 0.2, rng.choice(WILD, len(times)), values)
        if query.startswith("up"):
            values = np.ones(len(times))
        frame = pl.DataFrame({"ts_ns": times, "value": values})
        for label in ("service", "replica", "instance", "gpu", "job", "reason", "outcome", "uuid"):
            if rng.random() < 0.5:
                frame = frame.with_columns(pl.lit(str(rng.choice([*NAMES, "a"]))).alias(label))
        return pl.concat([frame, frame]) if rng.random() < 0.2 else frame


HARMS: Final[dict[str, Harm]] = {
    harm.__name__: harm
    for harm in (
        nan_and_infinite, gaps, coming_and_going, resets, one_point, empty, missing_columns,
        impossible_times, backwards, absurd_units, many_entities, odd_names, cyclic, duplicated,
        odd_alert, odd_answers,
    )
}  # fmt: skip


def hostile(harm: Harm, rng: Rng) -> Evidence:
    """White noise with this done to it."""
    return harm(noise(white, rng), rng)


def _with_values(evidence: Evidence, values: pl.Expr) -> Evidence:
    facts = pl.col("quantity").is_in(list(FACTS))
    kept = pl.when(facts).then("value").otherwise(values)
    return replace(evidence, series=evidence.series.with_columns(kept.alias("value")))


def _seed(rng: Rng) -> int:
    return int(rng.integers(2**31))
