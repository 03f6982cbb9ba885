"""Alerts on service levels: the error budget burns too fast."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

from alerts import slo
from alerts.model import Alert
from alerts.promql import percent
from exporters.catalog import boards, neutral

if TYPE_CHECKING:
    from decimal import Decimal

    from alerts.config import RulesSection

CAUSES = (
    "traffic_burst", "retry_storm", "rate_limit", "slow_replica", "kv_cache_exhaustion",
    "upstream_errors", "upstream_slow", "bad_deploy", "gpu_fault",
)  # fmt: skip


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """Availability and latency, each with a page and a ticket."""
    objectives = section.objectives
    bound = f"{objectives.latency.bound_seconds:g}"
    return (
        *_pair(section, "Availability", objectives.availability.target),
        *_pair(section, "Latency", objectives.latency.target, bound=bound),
    )


def _pair(section: RulesSection, name: str, target: Decimal, **values: str) -> tuple[Alert, ...]:
    scale = section.scale
    objective = name.lower()

    def alert(speed: str, burns: tuple[slo.Burn, ...]) -> Alert:
        fast = speed == "Fast"
        return Alert(
            name=f"{name}Burn{speed}",
            severity="page" if fast else "ticket",
            expr=expression(section, objective, burns, target),
            hold=scale.wait("2m" if fast else "1h"),
            keep_firing=scale.wait("15m" if fast else "2h"),
            query=_rate(burns[0].short, objective, service="{{ $labels.service }}"),
            board=boards.SERVICE,
            variables={"service": "{{$labels.service}}"},
            values={"target": percent(target), **values},
            kinds=CAUSES,
        )

    return alert("Fast", slo.PAGE), alert("Slow", slo.TICKET)


def expression(
    section: RulesSection, objective: str, burns: tuple[slo.Burn, ...], target: Decimal
) -> str:
    """Both windows of any pair burn too fast, and more than a stray request failed."""
    least = section.objectives.minimum_failures
    arms = [
        f"{_rate(burn.long, objective)} > {slo.threshold(burn, target)}\nand\n"
        f"{_rate(burn.short, objective)} > {slo.threshold(burn, target)}\nand\n"
        f"{neutral.SLO_FAILURES[burn.long].value.where(slo=objective)} >= {least}"
        for burn in burns
    ]
    return "\nor\n".join(f"(\n{indent(arm, '  ')}\n)" for arm in arms)


def _rate(window: str, objective: str, **where: str) -> str:
    return neutral.SLO_ERRORS[window].value.where(slo=objective, **where)
