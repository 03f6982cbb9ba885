"""What the logs began to say when the trouble began: new and bursting statements, by entity."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from analysis.evidence import SECOND, Evidence
from analysis.graph import GATEWAY, NODE, Graph
from analysis.templates import Change, TemplateMiner, changes

WARNING: Final = 13
"""OpenTelemetry's severity from which a line complains; an exception does at any."""

MOST_LINES: Final = 20_000
"""Complaints that are read on each side, those nearest to the onset."""

LATE: Final = 4
"""Samples by which metrics are dated after the lines of what moved them."""

BURST: Final = 10.83
"""G statistic that chance exceeds once in a thousand; a first complaint needs no statistics."""

SHORTEST: Final = 3.0
"""Seconds of health that must have been read before anything can be called new."""


@dataclass(frozen=True)
class Voice:
    """A statement; `before` and `during` in lines a second, `g` says how far from chance."""

    entity: str
    statement: str
    kind: Literal["new", "burst"]
    before: float
    during: float
    g: float


def voices(evidence: Evidence, graph: Graph, since_ns: int | None) -> tuple[Voice, ...]:
    """Complaints that are new or burst since the onset, clearest first; ties by entity and text.

    A metric is dated late by the stretch it is averaged over, so what a line says a little earlier
    counts as said since.
    """
    onset = (since_ns or evidence.window.start_ns) - LATE * evidence.window.step_ns
    frames = [frame for frame in (evidence.logs_before, evidence.logs) if frame.height]
    if not frames:
        return ()
    logs = pl.concat(frames, how="diagonal_relaxed")
    begin = int(logs["ts_ns"].min() or onset)  # type: ignore[arg-type]  # a column of integers
    healthy = (onset - begin) / SECOND
    ill = (evidence.window.end_ns - onset) / SECOND
    if healthy < SHORTEST * evidence.window.step_ns / SECOND or ill <= 0:
        return ()
    told = _complaints(logs, graph)
    before = told.filter(pl.col("ts_ns") < onset).sort("ts_ns", "text").tail(MOST_LINES)
    during = told.filter(pl.col("ts_ns") >= onset).sort("ts_ns", "text").head(MOST_LINES)
    miner = TemplateMiner()
    miner.learn([*before["text"], *during["text"]])
    counts = [_counted(part, miner) for part in (before, during)]
    found = [
        _voice(entity, change)
        for entity in sorted(counts[1])
        for change in changes(
            counts[0].get(entity, {}), counts[1][entity],
            seconds_before=healthy, seconds_during=ill, news=-math.inf,
        )
        if (change.kind == "new" and healthy >= ill)
        or (change.kind in ("new", "burst") and change.g > BURST)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda voice: (-voice.g, voice.entity, voice.statement)))


def _voice(entity: str, change: Change) -> Voice:
    statement = change.template.replace(" :", ":")
    kind: Literal["new", "burst"] = "new" if change.kind == "new" else "burst"
    return Voice(entity, statement, kind, change.before, change.during, change.g)


def _complaints(logs: pl.DataFrame, graph: Graph) -> pl.DataFrame:
    """Lines that complain: ts_ns, entity and text, the exception first where there is one."""
    severity = _column(logs, "severity", pl.Int64).fill_null(0)
    exception = _column(logs, "exception_type", pl.String).fill_null("")
    body = _column(logs, "body", pl.String).fill_null("")
    text = (
        pl.when(exception == "").then(body)
        .when((body == "") | (body == "exception")).then(exception)
        .otherwise(pl.concat_str(exception, pl.lit(": "), body))
    )  # fmt: skip
    return logs.filter((severity >= WARNING) | (exception != "")).select(
        "ts_ns", _entity(logs, graph).alias("entity"), text.alias("text")
    )


def _entity(logs: pl.DataFrame, graph: Graph) -> pl.Expr:
    """The replica by its pod, an upstream by its service, the node's own, else the gateway."""
    pod = _column(logs, "pod", pl.String).fill_null("")
    service = _column(logs, "service", pl.String).fill_null("")
    replica = pl.concat_str(pl.lit("replica/"), pod)
    upstream = pl.concat_str(pl.lit("upstream/"), service)
    return (
        pl.when(replica.is_in(graph.of_kind("replica"))).then(replica)
        .when(upstream.is_in(graph.of_kind("upstream"))).then(upstream)
        .when(service == NODE).then(pl.lit(NODE))
        .otherwise(pl.lit(GATEWAY))
    )  # fmt: skip


def _column(frame: pl.DataFrame, name: str, kind: type[pl.DataType]) -> pl.Expr:
    if name not in frame.columns:
        return pl.lit(None, dtype=kind)
    return pl.col(name).cast(kind, strict=False)


def _counted(part: pl.DataFrame, miner: TemplateMiner) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for entity, text, count in part.group_by("entity", "text").len().iter_rows():
        found.setdefault(entity, Counter())[miner.template(text)] += count
    return found
