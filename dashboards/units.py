"""Grafana's unit ids for the catalogue's units."""

from __future__ import annotations

from exporters.catalog.signal import Unit

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
    "tokens/second": "suffix: tok/s",
    "events/second": "eps",
    "flops/second": "flops",
    "bytes/second": "Bps",
    "boolean": "bool_yes_no",
    "timestamp": "dateTimeFromNow",
}
"""Grafana formats each of these by itself (kilo, milli); unknown ids are shown as a bare suffix."""
