"""Recordings of the service levels: what missed each objective, and what is left of its budget."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from textwrap import indent
from typing import TYPE_CHECKING

from alerts import slo
from alerts.model import Recording
from alerts.promql import share
from alerts.recording.service import GATEWAY
from exporters.catalog import goodput, neutral, neutral_slo
from exporters.catalog import requests as raw

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.config import RulesSection
    from exporters.catalog.signal import Histogram, Selector

ANSWERABLE = f"ok|{raw.FAILED}"
"""All but `client_gone`: a request nobody waits for can neither be met nor missed."""

SLOW_WINDOWS = ("1d", "3d")


@dataclass(frozen=True)
class Counted:
    """What an objective counts: all it is about, and either the bad of them or the good."""

    every: Selector
    bad: Selector | None = None
    good: Selector | None = None

    def number(self, window: str) -> str:
        """How many it is about."""
        return _sum("increase", self.every, window)

    def missed(self, window: str) -> str:
        """How many missed it: 0 while all are good, no series where there is nothing to count."""
        every = self.number(window)
        if self.bad is not None:
            return f"{_sum('increase', self.bad, window)}\nor\n0 * {every}"
        return f"{every}\n-\n{_sum('increase', self.good, window)}"

    def share(self, window: str) -> str:
        """Which share of all missed it; no series while nothing happens."""
        every = _sum("rate", self.every, window)
        if self.bad is not None:
            return share(_sum("rate", self.bad, window), every)
        return f"1 - {_sum('rate', self.good, window)}\n/\n({every} > 0)"


def counted(level: slo.Level) -> Counted:
    """The series behind a service level, as the gateway counts them."""
    requests = level.of(raw.REQUESTS.total.where(job=GATEWAY))
    answerable = requests.matching(outcome=ANSWERABLE)
    if level.bound is None and level.slo == "goodput":
        return Counted(answerable, good=level.of(goodput.REQUESTS_GOOD.total.where(job=GATEWAY)))
    if level.bound is None:
        return Counted(answerable, bad=requests.matching(outcome=raw.FAILED))
    histogram, where = TIMED[level.slo]
    return Counted(
        level.of(histogram.count.where(job=GATEWAY, **where)),
        good=level.of(histogram.le(level.bound).where(job=GATEWAY, **where)),
    )


TIMED: dict[str, tuple[Histogram, dict[str, str]]] = {
    # What failed has missed the availability objective already.
    "latency": (raw.REQUEST_DURATION_BY_OUTCOME, {"outcome": raw.SERVED}),
    "first_token": (raw.TIME_TO_FIRST_TOKEN, {}),
    "inter_token": (raw.INTER_TOKEN_LATENCY, {}),
}
"""The histograms of the levels that have a bound."""


def fast(section: RulesSection) -> tuple[Recording, ...]:
    """Windows up to six hours, evaluated with everything else."""
    return _recordings(section, slow=False)


def slow(section: RulesSection) -> tuple[Recording, ...]:
    """Windows of days, which read much and change little, and the budgets of a month."""
    levels = slo.levels(section.objectives)
    return (
        *_recordings(section, slow=True),
        *(made for level in levels for made in _budget(section, level)),
        Recording(neutral_slo.BOUND, _bounds()),
    )


def _recordings(section: RulesSection, *, slow: bool) -> tuple[Recording, ...]:
    return tuple(
        Recording(
            signal,
            # Only a bound of its own makes a service's levels count anything else.
            _bounded(level).query(partial(_counted, query, section.scale.window(window))),
            {"slo": level.slo},
        )
        for level in slo.levels(section.objectives)
        for signals, query in (
            (neutral.SLO_ERRORS, Counted.share),
            (neutral.SLO_FAILURES, Counted.missed),
            ({"1h": neutral_slo.SLO_REQUESTS}, Counted.number),
        )
        for window, signal in signals.items()
        if (window in SLOW_WINDOWS) is slow
    )


def _bounded(level: slo.Level) -> slo.Level:
    return replace(level, own=tuple(one for one in level.own if one.bound != level.bound))


def _counted(query: Callable[[Counted, str], str], window: str, level: slo.Level) -> str:
    return query(counted(level), window)


def _budget(section: RulesSection, level: slo.Level) -> tuple[Recording, ...]:
    """A month's count is made of its hours, each weighing as much as it had requests."""
    scale, where = section.scale, {"slo": level.slo}
    tiles = f"[{scale.window(slo.PERIOD)}:{scale.window(slo.TILE)}]"
    hourly = neutral.SLO_FAILURES[slo.TILE].value.where(**where)
    every, failed = neutral_slo.PERIOD_REQUESTS, neutral_slo.PERIOD_FAILURES
    allowed = level.query(
        lambda one: f"{slo.exactly(one.budget)} * {one.of(every.value.where(**where))}"
    )
    allowed = f"(\n{indent(allowed, '  ')}\n)" if level.own else allowed
    left = neutral_slo.BUDGET_LEFT.value.where(**where)
    queries = {
        every: f"sum_over_time({neutral_slo.SLO_REQUESTS.value.where(**where)}{tiles})",
        failed: f"sum_over_time({hourly}{tiles})",
        neutral_slo.BUDGET_LEFT: f"{allowed}\n-\n{failed.value.where(**where)}",
        neutral_slo.BUDGET_REMAINING: f"{left}\n/\n({allowed} > 0)",
    }
    return tuple(Recording(signal, expr, where) for signal, expr in queries.items())


def _bounds() -> str:
    by = ", ".join(neutral_slo.BOUND.labels)
    return f"max by ({by}) ({goodput.BOUND.value.where(job=GATEWAY)})"


def _sum(function: str, counter: Selector | None, window: str) -> str:
    return f"sum by (service) ({function}({counter}[{window}]))"
