"""All alerts, by what they watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts import messages
from alerts.model import Alert, Group
from alerts.rules import (
    burn,
    device,
    engine,
    forecast,
    gpu,
    health,
    outside,
    readings,
    service,
    stack,
    traffic,
    trend,
)
from exporters.catalog.kinds import KINDS
from exporters.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alerts.config import RulesSection
    from alerts.thresholds import Level


def groups(section: RulesSection) -> tuple[Group, ...]:
    """Every alert in its group, checked."""
    made = (
        Group("busysignal-objectives-alerts", burn.alerts(section)),
        Group("busysignal-service-alerts", service.alerts(section)),
        Group("busysignal-traffic-alerts", traffic.alerts(section)),
        Group("busysignal-engine-alerts", engine.alerts(section)),
        Group("busysignal-device-alerts", device.alerts(section)),
        Group("busysignal-health-alerts", health.alerts(section)),
        Group("busysignal-gpu-alerts", gpu.alerts(section)),
        Group("busysignal-readings-alerts", readings.alerts(section)),
        Group("busysignal-outside-alerts", outside.alerts(section)),
        Group("busysignal-trend-alerts", trend.alerts(section)),
        Group("busysignal-forecast-alerts", forecast.alerts(section)),
        Group("busysignal-stack-alerts", stack.alerts(section)),
    )
    check(alerts_in(made))
    messages.check(alerts_in(made))
    return made


def alerts_in(made: Iterable[Group]) -> tuple[Alert, ...]:
    """The alerts of some groups."""
    return tuple(rule for group in made for rule in group.rules if isinstance(rule, Alert))


def levels(section: RulesSection) -> dict[str, Level]:
    """Where alerts begin, by the alert's name."""
    return {made.name: made.level for made in alerts_in(groups(section)) if made.level}


def check(alerts: Iterable[Alert]) -> None:
    """Refuse two alerts of one name, and causes that the catalogue does not know."""
    seen: set[str] = set()
    for alert in alerts:
        if alert.name in seen:
            raise UsageError(
                f"alert {alert.name} is defined twice; a name stands for one runbook and one "
                "route, so rename one"
            )
        seen.add(alert.name)
        for kind in alert.kinds:
            if kind not in KINDS:
                raise UsageError(
                    f"alert {alert.name} names the cause {kind!r}; allowed: {', '.join(KINDS)}"
                )
