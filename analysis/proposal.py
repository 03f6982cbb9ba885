"""From a named cause to an alert rule that would have told of it, tried on history first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
import yaml

from analysis import words
from analysis.collect import MetricSource
from analysis.config import AnalysisSection
from analysis.evidence import SECOND
from analysis.language import say, speaking
from analysis.quantities import BY_KEY, Quantity
from analysis.verdict import Cause, EvidenceItem, ProposedRule, Verdict, significant

WEEK = 7 * 86_400.0
LEAST_HISTORY = 3600.0
"""Less history than this (real time) says nothing about normal hours."""
USUAL = 0.99
"""The quantile of history that a threshold must lie beyond."""
APART = 0.25
"""Of its rise, so much must lie beyond the usual: else noise would cross the threshold."""
FIRINGS_A_WEEK = 2.0
"""What a team bears of a rule that tells of causes; more in normal hours, and there is no rule."""
HOLDS = (60.0, 300.0, 900.0)
"""Values of `for`, real time: the first that is quiet enough in normal hours is taken."""
POINTS = 5_000
NOT_A_CAUSE = ("none", "unknown", "telemetry_gap")


@dataclass(frozen=True)
class _Tried:
    """A rule with the starts of its firing: during the incident, and before it."""

    query: str
    sign: str
    threshold: float
    hold: float
    now: list[int]
    before: list[int]
    quantity: Quantity


def propose(
    verdict: Verdict, metrics: MetricSource, section: AnalysisSection
) -> ProposedRule | None:
    """The rule for the cause at rank 1; None where none would be both heard and quiet.

    Its signal is the strongest statement of the cause whose level then lies beyond what history
    shows. Raises SourceError when the history cannot be read.
    """
    with speaking(verdict.language):
        return _propose(verdict, metrics, section)


def _propose(
    verdict: Verdict, metrics: MetricSource, section: AnalysisSection
) -> ProposedRule | None:
    first = verdict.first
    if first is None or first.kind in NOT_A_CAUSE:
        return None
    scale = section.time_scale
    start = verdict.window.end_ns - int(section.history * SECOND)
    step = max(section.step, section.history / POINTS)
    for item in first.evidence:
        for query, quantity in _queries(item):
            answer = metrics.range(query, start, verdict.window.end_ns, int(step * SECOND))
            tried = _try(answer, item, query, quantity, verdict, step, scale)
            if tried is not None:
                return _written(tried, first, verdict, _covered(answer, verdict), scale)
    return None


def _queries(item: EvidenceItem) -> Iterator[tuple[str, Quantity]]:
    """The item's query, narrowed to its part; nothing where it is not about a series."""
    if item.query is None or item.before is None or item.after is None:
        return
    for quantity in BY_KEY.values():
        part = _part(item, quantity)
        if part is not None and _belongs(item.query, quantity):
            yield _narrowed(item.query, quantity, part), quantity


def _belongs(query: str, quantity: Quantity) -> bool:
    service = re.search(r'service="([^"]*)"', query)
    return quantity.query(service[1] if service else None) == query


def _part(item: EvidenceItem, quantity: Quantity) -> str | None:
    """The part that the item's words name: "" for none, None where it is another quantity."""
    own = re.escape(words.what(quantity.key, "@" if quantity.part else ""))
    found = re.search(f"[:：] ?{own.replace('@', '(.*?)')} ", item.text)
    if found is None:
        return None
    return found[1].replace(" ", "_") if quantity.part else ""


def _narrowed(query: str, quantity: Quantity, part: str) -> str:
    """Only the part's series: another phase or reason has another level."""
    if not part:
        return query
    matcher = f'{quantity.part}="{part}"'
    selector = re.compile(r"(\b[a-z_]+:[a-z0-9_:]+)(?:\{([^}]*)\})?")
    return selector.sub(
        lambda one: f"{one[1]}{{{','.join(filter(None, (one[2], matcher)))}}}", query, count=1
    )


def _try(
    answer: pl.DataFrame,
    item: EvidenceItem,
    query: str,
    quantity: Quantity,
    verdict: Verdict,
    step: float,
    scale: float,
) -> _Tried | None:
    """The threshold half-way between the usual and the incident, and the first quiet `for`."""
    if not answer.height or item.before is None or item.after is None:
        return None
    before = answer.filter(pl.col("ts_ns") < verdict.window.start_ns)
    covered = _covered(answer, verdict)
    if covered < LEAST_HISTORY / scale or not before.height:
        return None
    if item.after == item.before:
        return None
    rising = item.after > item.before
    sign = ">" if rising else "<"
    usual = float(np.quantile(before["value"].to_numpy(), USUAL if rising else 1 - USUAL))
    if (item.after - usual) / (item.after - item.before) < APART:
        return None
    threshold = float(f"{(usual + item.after) / 2:.3g}")
    bearable = int(FIRINGS_A_WEEK * covered * scale / WEEK)
    for hold in (each / scale for each in HOLDS):
        fired = firings(answer, sign=sign, threshold=threshold, hold=hold, step=step)
        earlier = [at for at in fired if at < verdict.window.start_ns]
        now = [at for at in fired if at >= verdict.window.start_ns]
        if now and len(earlier) <= bearable:
            return _Tried(query, sign, threshold, hold, now, earlier, quantity)
    return None


def _covered(answer: pl.DataFrame, verdict: Verdict) -> float:
    """Seconds of history before the incident."""
    return float(verdict.window.start_ns - answer["ts_ns"].to_numpy().min()) / SECOND


def firings(
    answer: pl.DataFrame, *, sign: str, threshold: float, hold: float, step: float
) -> list[int]:
    """When an alert on these samples would have begun to fire, ns UTC, one entry for each series.

    As Prometheus does it: pending with the first sample over the threshold, firing once that has
    lasted for `hold` seconds; a sample that is missing ends it.
    """
    labels = [name for name in answer.columns if name not in ("ts_ns", "value")]
    groups = answer.partition_by(labels) if labels else [answer]
    starts: list[int] = []
    for rows in groups:
        ordered = rows.sort("ts_ns")
        at, value = ordered["ts_ns"].to_numpy(), ordered["value"].to_numpy()
        over = value > threshold if sign == ">" else value < threshold
        starts += _runs(at, over, int(hold * SECOND), int(1.5 * step * SECOND))
    return sorted(starts)


def _runs(at: np.ndarray, over: np.ndarray, hold: int, gap: int) -> Iterator[int]:
    since: int | None = None
    fires, last = False, 0
    for moment, high in zip(at.tolist(), over.tolist(), strict=True):
        if not high or (since is not None and moment - last > gap):
            since, fires = None, False
        if high:
            since = moment if since is None else since
            if not fires and moment - since >= hold:
                fires = True
                yield moment
        last = moment


def _written(
    tried: _Tried, first: Cause, verdict: Verdict, covered: float, scale: float
) -> ProposedRule:
    name = "".join(word.capitalize() for word in first.kind.split("_")) + "Begins"
    level = words.number(tried.threshold, tried.quantity.unit)
    over = "{quantity} over {level}" if tried.sign == ">" else "{quantity} under {level}"
    crossed = say(over, quantity=say(tried.quantity.words), level=level)
    document = {
        "groups": [
            {
                "name": "busysignal-proposed",
                "rules": [
                    {
                        "alert": name,
                        "expr": f"{tried.query} {tried.sign} {tried.threshold:g}",
                        "for": f"{max(1, round(tried.hold))}s",
                        "labels": {"severity": "warning"},
                        "annotations": {
                            "summary": say(
                                "{crossed}: {kind} may have begun.",
                                crossed=crossed,
                                kind=words.cause(first.kind),
                            ),
                            "description": say(
                                "Proposed by verdict {id}; now at {value}. {remedy}",
                                id=verdict.id,
                                value="{{ $value | humanize }}",
                                remedy=first.remedy,
                            ),
                        },
                    }
                ],
            }
        ]
    }
    days = covered * scale / 86_400
    when = say("{count} times", count=str(len(tried.before))) if tried.before else say("never")
    return ProposedRule(
        alert=name,
        rule=yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100),
        says=say(
            "{crossed} would have fired in this incident and {when} in the {days} days before it",
            crossed=crossed,
            when=when,
            days=f"{days:.3g}",
        ),
        fired=[*tried.before, *tried.now],
        looked_back_seconds=significant(covered),
    )
