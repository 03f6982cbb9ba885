"""What the page shows, worked out of evidence and verdict: charts, moments, log templates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from analysis import words
from analysis.evidence import Change, Evidence
from analysis.language import say
from analysis.quantities import BY_KEY
from analysis.report.chart import Line, Mark, chart
from analysis.templates import TemplateMiner
from analysis.verdict import Cause, EvidenceItem, Verdict

WARNING = 13
"""From this severity on (OpenTelemetry's scale) a line is worth showing."""
LINES = 50_000
TEMPLATES = 10

Key = tuple[str, str, str]
"""(entity, quantity, part): one series."""


@dataclass(frozen=True)
class Moment:
    """Something that happened, for the timeline."""

    ts_ns: int
    text: str


class Figures:
    """Draws the series behind a verdict's statements, each with its peers."""

    def __init__(self, evidence: Evidence, verdict: Verdict) -> None:
        self._evidence = evidence
        self._marks = tuple(_marks(evidence, verdict))
        rows = evidence.series.sort("ts_ns").partition_by(
            "entity", "quantity", "part", as_dict=True, include_key=False
        )
        self._lines: dict[Key, Line] = {
            (str(entity), str(quantity), str(part)): Line(
                frame["ts_ns"].to_numpy(), frame["value"].to_numpy()
            )
            for (entity, quantity, part), frame in rows.items()
        }
        self._named = {_label(key): key for key in sorted(self._lines) if key[1] in BY_KEY}

    def of(self, item: EvidenceItem) -> str:
        """The chart behind one statement; empty where it is not about a series."""
        name = max((n for n in self._named if item.text.startswith(f"{n} ")), key=len, default="")
        return self.draw(self._named[name]) if name else ""

    def draw(self, key: Key) -> str:
        """One series, over its like at the sisters."""
        line = self._lines.get(key)
        if line is None:
            return ""
        peers = [other for name, other in sorted(self._lines.items()) if _sisters(key, name)]
        return chart(
            _label(key),
            line,
            unit=BY_KEY[key[1]].unit,
            window=self._evidence.window,
            peers=peers,
            marks=self._marks,
        )


def _label(key: Key) -> str:
    entity, quantity, part = key
    what = words.what(quantity, part)
    return say("{entity}: {change}", entity=words.name(entity), change=what)


def _sisters(one: Key, other: Key) -> bool:
    same = one[1:] == other[1:] and one[0] != other[0]
    return same and one[0].partition("/")[0] == other[0].partition("/")[0]


def _marks(evidence: Evidence, verdict: Verdict) -> Iterator[Mark]:
    if verdict.symptom.since:
        yield Mark(verdict.symptom.since, "onset", say("users feel it"))
    if verdict.alert.starts_ns:
        yield Mark(verdict.alert.starts_ns, "alert", verdict.alert.name or say("asked about"))
    for change in sorted(evidence.changes)[:20]:
        yield Mark(change.ts_ns, "change", _changed(change))


def moments(evidence: Evidence, verdict: Verdict) -> list[Moment]:
    """What happened, in order of time."""
    found = [
        Moment(change.ts_ns, say(
            "{change}: {before} → {after} ({source})", change=_changed(change),
            before=change.before or "–", after=change.after or "–", source=change.source,
        ))
        for change in evidence.changes
    ]  # fmt: skip
    found += [Moment(c.since, _begins(c)) for c in verdict.causes if c.since]
    if verdict.symptom.since:
        found.append(Moment(verdict.symptom.since, _felt(verdict)))
    if verdict.alert.name:
        found.append(Moment(verdict.alert.starts_ns, _fires(verdict)))
    return sorted(found, key=lambda moment: (moment.ts_ns, moment.text))


def _begins(cause: Cause) -> str:
    kind, entity = words.cause(cause.kind), words.name(cause.entity)
    return say("{kind} begins at {entity}", kind=kind, entity=entity)


def _changed(change: Change) -> str:
    return say("{kind} of {entity}", kind=say(change.kind), entity=words.name(change.entity))


def _felt(verdict: Verdict) -> str:
    return say("users feel it: {symptom}", symptom=verdict.symptom.text)


def _fires(verdict: Verdict) -> str:
    return say("alert {name} fires", name=verdict.alert.name)


def log_templates(evidence: Evidence) -> list[tuple[int, str]]:
    """The most frequent warnings and errors of the incident, by template, with their count."""
    logs = evidence.logs
    if not {"body", "severity"} <= set(logs.columns):
        return []
    ill = logs.filter(pl.col("severity") >= WARNING)["body"].drop_nulls().head(LINES)
    miner = TemplateMiner()
    miner.learn(ill.to_list())
    counted = ((count, template.replace(" :", ":")) for template, count in miner.counts().items())
    return sorted(counted, key=lambda one: (-one[0], one[1]))[:TEMPLATES]
