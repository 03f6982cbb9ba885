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
FIRST = (
    "Read the verdict on the page: it names the cause and its evidence.",
    "Open the dashboard and see whether arrivals, refusals or one replica moved first.",
    "Ask what changed: `busysignal analyze --from START --to END` lists deploys and restarts.",
)


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """Availability and latency, each with a page and a ticket."""
    objectives = section.objectives
    good = f"done in {objectives.latency.bound_seconds:g} s"
    return (
        *_pair(section, "Availability", "answered", objectives.availability.target),
        *_pair(section, "Latency", good, objectives.latency.target),
    )


def _pair(section: RulesSection, name: str, good: str, target: Decimal) -> tuple[Alert, ...]:
    scale = section.scale
    objective = name.lower()
    wanted = f"{percent(target)} of requests are to be {good}"

    def alert(speed: str, burns: tuple[slo.Burn, ...]) -> Alert:
        fast = speed == "Fast"
        return Alert(
            name=f"{name}Burn{speed}",
            severity="page" if fast else "ticket",
            expr=expression(section, objective, burns, target),
            hold=scale.wait("2m" if fast else "1h"),
            keep_firing=scale.wait("15m" if fast else "2h"),
            summary=f"The {objective} budget burns {'fast' if fast else 'slowly but surely'}.",
            description=(
                "{{ $value | humanizePercentage }} of requests to {{ $labels.service }} miss the "
                f"objective: {wanted}."
            ),
            query=_rate(burns[0].short, objective, service="{{ $labels.service }}"),
            board=boards.SERVICE,
            variables={"service": "{{$labels.service}}"},
            means=(
                f"{wanted[0].upper()}{wanted[1:]}, and the share that is not "
                + (
                    "would use up a month's budget within days."
                    if fast
                    else "will use up the month's budget before the month is over."
                )
            ),
            first=FIRST,
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
