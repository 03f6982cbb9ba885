"""Alerts on service levels: an error budget burns too fast, will soon be gone, or is."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

from alerts import slo
from alerts.promql import percent
from alerts.rules.subject import BUDGET
from exporters.catalog import neutral, neutral_slo

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from alerts.model import Alert

CAUSES = (
    "traffic_burst", "retry_storm", "rate_limit", "slow_replica", "kv_cache_exhaustion",
    "upstream_errors", "upstream_slow", "bad_deploy", "gpu_fault",
)  # fmt: skip
BOUNDS = {"latency": "duration", "first_token": "first_token", "inter_token": "inter_token"}
"""What the service calls the bound of a level."""
OF_ONE = neutral_slo.BUDGET_REMAINING.value.where(slo="{{ $labels.slo }}")
"""The curve of the service level that an alert is about."""


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """A page and a ticket for every service level, then the budgets as such."""
    levels = slo.levels(section.objectives)
    return (
        *(made for level in levels for made in _pair(section, level)),
        _soon(section, levels),
        _exhausted(section),
        _bounds(section, levels),
    )


def _pair(section: RulesSection, level: slo.Level) -> tuple[Alert, ...]:
    return (
        _burning(section, level, f"{level.alerts}BurnFast", slo.PAGE),
        _burning(section, level, f"{level.alerts}BurnSlow", slo.TICKET),
    )


def _burning(
    section: RulesSection, level: slo.Level, name: str, burns: tuple[slo.Burn, ...]
) -> Alert:
    fast = burns == slo.PAGE
    bound = {} if level.bound is None else {"bound": level.text(lambda one: f"{one.bound:g}")}
    return BUDGET.alert(
        section, neutral.SLO_ERRORS[burns[0].short].value.where(slo=level.slo), "",
        expr=expression(section, level, burns), name=name, severity="page" if fast else "ticket",
        hold="2m" if fast else "1h", keep="15m" if fast else "2h",
        values={"target": level.text(lambda one: percent(one.target)), **bound}, kinds=CAUSES,
    )  # fmt: skip


def expression(section: RulesSection, level: slo.Level, burns: tuple[slo.Burn, ...]) -> str:
    """Both windows of any pair burn too fast, and more than a stray request failed."""
    least = section.objectives.minimum_failures
    arms = [
        f"{_share(burn.long, one)} > {slo.threshold(burn, one.target)}\nand\n"
        f"{_share(burn.short, one)} > {slo.threshold(burn, one.target)}\nand\n"
        f"{neutral.SLO_FAILURES[burn.long].value.where(slo=level.slo)} >= {least}"
        for one in level.each()
        for burn in burns
    ]
    return "\nor\n".join(f"(\n{indent(arm, '  ')}\n)" for arm in arms)


def _share(window: str, level: slo.Level) -> str:
    return level.of(neutral.SLO_ERRORS[window].value.where(slo=level.slo))


def _soon(section: RulesSection, levels: tuple[slo.Level, ...]) -> Alert:
    hours = section.thresholds.budget_gone_hours
    hour, ahead = (int(section.scale.window_seconds(f"{n}h")) for n in (1, hours))
    missed, left = neutral.SLO_FAILURES["1h"].value, neutral_slo.BUDGET_LEFT.value
    # What fails now decides, too: an hour's rate says nothing of a fault that is over.
    burning = "\n  or\n  ".join(
        f"{_share('5m', one)} > {slo.exactly(one.budget)}"
        for level in levels
        for one in level.each()
    )
    return BUDGET.alert(
        section, OF_ONE,
        f"< {ahead}\nand\n{left} > 0\nand\n"
        f"{missed} >= {section.objectives.minimum_failures}\nand\n(\n  {burning}\n)",
        expr=f"{hour} * {left}\n/\n({missed} > 0)", name="ErrorBudgetGoneSoon",
        severity="warning", hold="5m", keep="15m", values={"hours": str(hours)}, kinds=CAUSES,
    )  # fmt: skip


def _exhausted(section: RulesSection) -> Alert:
    failed = neutral_slo.PERIOD_FAILURES.value
    return BUDGET.alert(
        section, OF_ONE, f"<= 0\nand\n{failed} >= {section.objectives.minimum_failures}",
        expr=neutral_slo.BUDGET_REMAINING.value,
        name="ErrorBudgetExhausted", severity="ticket", hold="15m", keep="1h", kinds=CAUSES,
    )  # fmt: skip


def _bounds(section: RulesSection, levels: tuple[slo.Level, ...]) -> Alert:
    counts = neutral_slo.BOUND.value
    others = [
        f"{one.of(counts.where(bound=BOUNDS[level.slo]))} != {one.bound:g}"
        for level in levels
        if level.slo in BOUNDS
        for one in level.each()
    ]
    return BUDGET.alert(
        section, counts, "", expr="\nor\n".join(others), name="GoodputBoundsDiffer",
        severity="ticket", hold="1h", kinds=("telemetry_gap",),
    )  # fmt: skip
