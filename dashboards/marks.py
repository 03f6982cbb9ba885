"""What every dashboard marks in time: restarts, firing alerts, verdicts."""

from __future__ import annotations

from dashboards.panels import Mark
from exporters.catalog.foreign import ALERTS as ALERT_SERIES
from exporters.catalog.foreign import PROCESS_START
from exporters.catalog.stack import VERDICT_INFO

_FIRING = ALERT_SERIES.value.where(alertstate="firing")
_WATCHDOG = ALERT_SERIES.value.where(alertname="Watchdog")

FIRING = (
    "max by (alertname, severity) "
    f"({_FIRING.matching(service='$service|')} unless on (alertname) {_WATCHDOG})"
)
"""Alerts of the chosen service and of the parts below it, which belong to none."""

FIRING_ANYWHERE = f"max by (alertname, severity) ({_FIRING} unless on (alertname) {_WATCHDOG})"
OPEN_VERDICTS = f"max by (incident, cause, entity) ({VERDICT_INFO.value})"

RESTARTS = Mark(
    name="Restarts",
    expr=f"changes({PROCESS_START.value.matching(service='$service|')}[$__rate_interval]) > 0",
    title="restart of {{job}} {{replica}}",
    text="{{instance}}",
    color="blue",
)
RESTARTS_ANYWHERE = Mark(
    name="Restarts",
    expr=f"changes({PROCESS_START.value}[$__rate_interval]) > 0",
    title="restart of {{job}} {{replica}}",
    text="{{instance}}",
    color="blue",
)
ALERTS = Mark(
    name="Firing alerts",
    expr=FIRING,
    title="{{alertname}}",
    text="{{severity}}",
    color="red",
)
ALERTS_ANYWHERE = Mark(
    name="Firing alerts",
    expr=FIRING_ANYWHERE,
    title="{{alertname}}",
    text="{{severity}}",
    color="red",
)
VERDICTS = Mark(
    name="Verdicts",
    expr=OPEN_VERDICTS,
    title="{{cause}}",
    text="{{entity}}, incident {{incident}}",
    color="purple",
)
