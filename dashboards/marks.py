"""What every dashboard marks in time: deploys, restarts, firing alerts, verdicts."""

from __future__ import annotations

from dashboards.panels import Mark
from exporters.catalog import Selector
from exporters.catalog.foreign import ALERTS as ALERT_SERIES
from exporters.catalog.foreign import PROCESS_START
from exporters.catalog.neutral_parts import VERSION
from exporters.catalog.stack import VERDICT_INFO

_FIRING = ALERT_SERIES.value.where(alertstate="firing")
_WATCHDOG = ALERT_SERIES.value.where(alertname="Watchdog")
OF_SERVICE = "$service|"
"""The chosen service's own, and what belongs to no service."""


def firing(severity: str = "", service: str = "") -> str:
    """Alerts that fire, by name and severity, without the watchdog; all where nothing is given."""
    chosen = _FIRING.matching(severity=severity) if severity else _FIRING
    chosen = chosen.matching(service=service) if service else chosen
    return f"max by (alertname, severity) ({chosen} unless on (alertname) {_WATCHDOG})"


YOUNG_SECONDS = 600
"""A process older than this has not just begun."""

FIRING = firing(service=OF_SERVICE)
"""Alerts of the chosen service and of the parts below it, which belong to none."""

FIRING_ANYWHERE = firing()
OPEN_VERDICTS = f"max by (incident, cause, entity) ({VERDICT_INFO.value})"


def _deploys(versions: Selector) -> Mark:
    # A version that a service runs and did not run before; its first version ever is no deploy.
    before = f"{versions} offset $__rate_interval"
    return Mark(
        name="Deploys",
        expr=(
            f"group by (service, version) ({versions})\n"
            f"unless group by (service, version) ({before})\n"
            f"and on (service) group by (service) ({before})"
        ),
        title="{{service}} {{version}}",
        text="{{version}}",
        color="green",
    )


def _restarts(started: Selector) -> Mark:
    # In place, or as a new instance that has just begun; one that was not scraped for a while is
    # no new one.
    new = f"({started} unless {started} offset $__rate_interval)"
    return Mark(
        name="Restarts",
        expr=f"changes({started}[$__rate_interval]) > 0\nor\n{new} > time() - {YOUNG_SECONDS}",
        title="{{job}} {{replica}}",
        text="{{instance}}",
        color="blue",
    )


def _alerts(expr: str) -> Mark:
    # Tickets and hints stand in the timelines; marked everywhere they would hide the panels.
    return Mark(
        name="Firing alerts",
        expr=expr,
        title="{{alertname}}",
        text="{{severity}}",
        color="red",
    )


VERDICTS = Mark(
    name="Verdicts",
    expr=OPEN_VERDICTS,
    title="{{cause}}",
    text="{{entity}} {{incident}}",
    color="purple",
)
FOR_SERVICE = (
    _deploys(VERSION.value.matching(service="$service")),
    _restarts(PROCESS_START.value.matching(service=OF_SERVICE)),
    _alerts(firing("page|warning", OF_SERVICE)),
    VERDICTS,
)
"""On dashboards with the variable `service`."""

ANYWHERE = (
    _deploys(VERSION.value),
    _restarts(PROCESS_START.value),
    _alerts(firing("page|warning")),
    VERDICTS,
)
"""On all others."""
