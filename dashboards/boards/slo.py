"""Service levels: how fast the error budget is spent, and how much of it."""

from __future__ import annotations

from typing import Any

from alerts import slo
from alerts.config import RulesSection
from dashboards import marks
from dashboards.levels import burn_rate, burning, objectives
from dashboards.panels import Dashboard, Panel, Query, Row, Step, TimeSeries, rising
from dashboards.scope import SERVICE, drawn, incidents, or_no_traffic, service_variable, stat, whole
from exporters.catalog import Recorded, boards, neutral, neutral_slo
from exporters.catalog.signal import Selector

NAMES = {
    "availability": "Availability", "latency": "Latency", "first_token": "First token",
    "inter_token": "Between tokens", "goodput": "Goodput",
}  # fmt: skip
LEFT = (Step("red"), Step("orange", 0.0), Step("green", 0.25))
"""Overspent, most of it spent, enough left."""


def board(rules: RulesSection) -> Dashboard:
    """Build the board of service levels, held against the configured objectives."""
    levels = objectives(rules)
    return whole(
        boards.SLO,
        "Objectives, how fast their budgets are spent, and what that has cost.",
        (service_variable(),),
        Row("Now", tuple(panel for level in levels for panel in _now(level))),
        Row("How fast the budget is spent", tuple(map(_burn, levels))),
        Row("What missed its objective", _missed(rules)),
        Row("The month", _month()),
        Row("What wakes people", incidents(marks.FIRING, width=12)),
    )


def _named(name: str) -> str:
    return NAMES.get(name, name.replace("_", " ").capitalize())


def _errors(window: str, name: str) -> tuple[Recorded, Selector]:
    signal = neutral.SLO_ERRORS[window]
    return signal, signal.value.where(service=SERVICE, slo=name)


def _now(level: slo.Level) -> tuple[Panel, ...]:
    name = level.slo
    fast, fast_share = _errors("1h", name)
    slow, slow_share = _errors("3d", name)
    left, spent = neutral_slo.BUDGET_REMAINING, burn_rate(level, slow_share)
    return (
        stat(f"{_named(name)} over 3 days", "Share of requests that met the objective.",
             slow, or_no_traffic(f"1 - {slow_share}"), width=4, decimals=3),
        stat(f"{_named(name)} burn rate", "Times too fast the budget goes, over the last hour.",
             fast, or_no_traffic(burn_rate(level, fast_share)), unit="1", width=4, decimals=1,
             steps=burning()),
        # A month is added up from whole hours; in the first one, the share so far must do.
        stat(f"{_named(name)} budget left", "Share of the error budget of 30 days, each request "
             "counted once whenever it came; below 0 the objective is missed.", left,
             f"{left.value.where(service=SERVICE, slo=name)}\nor on (service)\n"
             f"1 - {f'({spent})' if level.own else spent}",
             beside=(slow,), width=4, decimals=1, steps=LEFT),
    )  # fmt: skip


def _burn(level: slo.Level) -> Panel:
    name = level.slo
    windows = [window for pair in (*slo.PAGE, *slo.TICKET) for window in (pair.short, pair.long)]
    signals = {window: _errors(window, name) for window in windows}
    return TimeSeries(
        title=f"{_named(name)} burn rates",
        about="A page needs a long window and its short one above the red line; a ticket, above "
        "the orange one. At 1 the budget just lasts.",
        signals=tuple(signal for signal, _ in signals.values()),
        queries=tuple(
            Query(burn_rate(level, share), window) for window, (_, share) in signals.items()
        ),
        unit="1",
        steps=burning(),
        height=9,
    )


def _missed(rules: RulesSection) -> tuple[Panel, ...]:
    return tuple(
        TimeSeries(
            title=f"{_named(name)}: requests that missed it",
            about="Counted over each window; fewer than the red line wake nobody, whatever share "
            "they are.",
            signals=tuple(neutral.SLO_FAILURES.values()),
            queries=tuple(
                Query(signal.value.where(service=SERVICE, slo=name), window)
                for window, signal in neutral.SLO_FAILURES.items()
            ),
            steps=rising(critical=rules.objectives.minimum_failures),
        )
        for name in (level.slo for level in objectives(rules))
    )


def _month() -> tuple[Panel, ...]:
    below_zero = {"minimum": None, "steps": (Step("red"), Step("green", 0.0))}
    return (
        _lines("Requests each budget has left", "That may still miss the objective within its 30 "
               "days; below 0 it is missed.", neutral_slo.BUDGET_LEFT, "{{slo}}", **below_zero),
        _lines("Missed within 30 days", "Requests that missed the objective, each counted once.",
               neutral_slo.PERIOD_FAILURES, "{{slo}}"),
        _lines("What counts as good", "The bounds that the service itself counts by; they must be "
               "those of the objectives.", neutral_slo.BOUND, "{{bound}}",
               empty="the service does not tell"),
    )  # fmt: skip


def _lines(title: str, about: str, signal: Recorded, legend: str, **more: Any) -> TimeSeries:
    return drawn(title, about, signal, signal.value.where(service=SERVICE), legend, **more)
