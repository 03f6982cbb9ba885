"""What an incident cost: requests, users' time, GPU time and money, beyond what is usual.

The formulas stand in docs/verdicts.md. What was not measured is null, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analysis.config import CostSection
from analysis.evidence import SECOND, Evidence
from analysis.language import say
from analysis.quantities import Quantity
from analysis.rootcause.symptom import Symptom
from analysis.verdict import Impact
from exporters.catalog import neutral, neutral_parts
from exporters.catalog.signal import Selector

BAD = ("rejected", "error", "failed_midstream", "timeout")
GOOD = "ok"
LEAST = 3
"""Fewer samples of health than this tell nothing of what is usual."""
HOUR, MINUTE = 3600.0, 60.0


def _of(selector: Selector, service: str | None) -> Selector:
    return selector.where(service=service) if service else selector


COSTED = (
    Quantity("slow_share", "service", "share of requests slower than the objective", "ratio",
             lambda service: f"max by (service) "
             f"({_of(neutral.SLO_ERRORS['5m'].value.where(slo='latency'), service)})"),
    Quantity("request_time", "service", "mean time of a request answered well", "seconds",
             lambda service: f"max by (service) "
             f"({_of(neutral_parts.REQUEST_MEAN.value, service)})"),
)  # fmt: skip
"""Read for the cost alone: they tell no cause, so no hypothesis looks at them."""


@dataclass(frozen=True)
class Course:
    """One quantity over the window: `before` in health, `during` the incident, on one grid."""

    before: np.ndarray
    during: np.ndarray

    @property
    def usual(self) -> float:
        return float(np.nanmean(self.before))


def impact(evidence: Evidence, symptom: Symptom, section: CostSection) -> Impact:
    """Everything beyond the usual since the window's start; nulls when users felt nothing."""
    if not symptom.felt:
        return Impact()
    step = evidence.window.step_ns / SECOND
    answered = _course(evidence, "outcomes", (GOOD,))
    failed = _failed(evidence, step)
    slow = _beyond(_course(evidence, "slow_share"), answered, step)
    waited = _beyond(_course(evidence, "request_time"), answered, step)
    lost = _users_minutes(evidence, waited, failed)
    wasted = _wasted(_devices(evidence), answered, step)
    money = _money(section, failed, lost, wasted)
    return Impact(
        requests_failed=_round(failed),
        requests_slow=_round(slow),
        users_minutes=_round(lost),
        gpu_seconds_wasted=_round(wasted),
        money=None if money is None else round(money, 2),
        currency=None if money is None else section.currency,
    )


def _failed(evidence: Evidence, step: float) -> float | None:
    """Requests that failed beyond the usual rate; no failures are 0 where answers are counted."""
    if _course(evidence, "outcomes") is None:
        return None
    bad = _course(evidence, "outcomes", BAD)
    return 0.0 if bad is None else max(0.0, step * float(np.nansum(bad.during - bad.usual)))


def _beyond(level: Course | None, rate: Course | None, step: float) -> float | None:
    """The excess of `level` over its usual value, for each of `rate` a second."""
    if level is None or rate is None:
        return None
    return max(0.0, step * float(np.nansum((level.during - level.usual) * rate.during)))


def _users_minutes(evidence: Evidence, waited: float | None, failed: float | None) -> float | None:
    """Longer waits, and for each failure the usual time of the answer that must be asked anew."""
    usual = _course(evidence, "request_time")
    if waited is None or usual is None:
        return None
    return (waited + (failed or 0.0) * usual.usual) / MINUTE


def _wasted(busy: Course | None, answered: Course | None, step: float) -> float | None:
    """Busy GPU-seconds beyond what as many good answers took in health."""
    if busy is None or answered is None or not np.nansum(answered.before):
        return None
    each = float(np.nansum(busy.before) / np.nansum(answered.before))
    return max(0.0, step * float(np.nansum(busy.during - each * answered.during)))


def _money(
    section: CostSection, failed: float | None, lost: float | None, wasted: float | None
) -> float | None:
    """What has both a price and a measurement."""
    terms = (
        (section.gpu_hour_price, None if wasted is None else wasted / HOUR),
        (section.failed_request_price, failed),
        (section.user_minute_price, lost),
    )
    known = [price * amount for price, amount in terms if price is not None and amount is not None]
    return sum(known) if known else None


def _devices(evidence: Evidence) -> Course | None:
    """Utilisation of the GPUs of the service: those its replicas sit on, where that is known."""
    own = set(evidence.placement.values())
    rows = evidence.series
    if own:
        rows = rows.filter(pl.col("entity").is_in(own))
    return _sum(evidence, rows.filter(pl.col("quantity") == "gpu_busy"))


def _course(evidence: Evidence, quantity: str, parts: tuple[str, ...] = ()) -> Course | None:
    rows = evidence.series.filter(
        (pl.col("quantity") == quantity)
        & (pl.col("entity") == f"service/{evidence.service}")
        & (pl.col("part").is_in(parts) if parts else pl.lit(value=True))
    )
    return _sum(evidence, rows)


def _sum(evidence: Evidence, rows: pl.DataFrame) -> Course | None:
    """All rows added up at each time of the evidence; no row at a time is NaN there."""
    window = evidence.window
    inside = evidence.series["ts_ns"].is_between(window.baseline_ns, window.end_ns)
    grid = evidence.series.filter(inside).select("ts_ns").unique().sort("ts_ns")
    total = rows.group_by("ts_ns").agg(pl.col("value").sum())
    aligned = grid.join(total, on="ts_ns", how="left", maintain_order="left")
    values = aligned["value"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    during = (aligned["ts_ns"] >= window.start_ns).to_numpy()
    course = Course(values[~during], values[during])
    told = np.isfinite(course.before).sum() >= LEAST and np.isfinite(course.during).any()
    return course if told else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def told(impact: Impact) -> str:
    """One line for a person: `40 requests failed, 12 slow, 9 user-minutes, ...`; "" for nothing."""
    parts = [
        say(sentence, count=f"{amount:,.{digits}f}")
        for amount, digits, sentence in (
            (impact.requests_failed, 0, "{count} requests failed"),
            (impact.requests_slow, 0, "{count} requests slow"),
            (impact.users_minutes, 1, "{count} user-minutes lost"),
            (impact.gpu_seconds_wasted, 0, "{count} GPU-seconds wasted"),
            (impact.money, 2, f"{{count}} {impact.currency}"),
        )
        if amount
    ]
    return say(", ").join(parts)
