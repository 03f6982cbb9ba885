"""Grafana's unit ids for the catalogue's units."""

from __future__ import annotations

from typing import get_args

from dashboards.panels import Money
from exporters.catalog.signal import Unit
from exporters.errors import UsageError

GRAFANA_UNITS: dict[Unit, str] = {
    "1": "short",
    "seconds": "s",
    "bytes": "bytes",
    "ratio": "percentunit",
    "tokens": "short",
    "watts": "watt",
    "joules": "joule",
    "celsius": "celsius",
    "hertz": "hertz",
    "requests": "short",
    "requests/second": "reqps",
    "tokens/second": "suffix:tok/s",
    "events/second": "eps",
    "flops/second": "flops",
    "bytes/second": "Bps",
    "boolean": "bool_yes_no",
    "timestamp": "dateTimeFromNow",
}
"""Grafana formats each of these by itself (kilo, milli); unknown ids are shown as a bare suffix."""


def grafana_unit(unit: Unit | Money) -> str:
    """Grafana's id of a unit. Raises UsageError for one that the catalogue does not know."""
    if isinstance(unit, Money):
        return f"currency:{unit.symbol}"
    if unit not in GRAFANA_UNITS:
        allowed = ", ".join(get_args(Unit))
        raise UsageError(f"no unit {unit!r}; give a panel one of the catalogue's: {allowed}")
    return GRAFANA_UNITS[unit]
