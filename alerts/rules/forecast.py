"""Alerts on what is to come: capacity that the forecast crosses, and forecasts that stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Alert
from alerts.promql import number
from exporters.catalog import boards, forecast

if TYPE_CHECKING:
    from alerts.config import RulesSection

SERVICE = "{{ $labels.service }}"
LOAD = "{{ $labels.load }}"


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """The crossing first, then the forecast itself."""
    return (_crossing(section), _stale(section))


def _crossing(section: RulesSection) -> Alert:
    hours = section.thresholds.capacity_crossed_hours
    seconds = section.scale.window_seconds(f"{hours}h")
    signal = forecast.CROSSING.value.where(bound="upper")
    return Alert(
        name="CapacityCrossedSoon",
        severity="warning",
        expr=(
            f"{signal} < {number(float(seconds))}\nand on (instance)\n"
            f"{forecast.MADE.value} > time() - {_old(section)}"
        ),
        hold=section.scale.wait("10m"),
        keep_firing=section.scale.wait("15m"),
        query=forecast.UPPER.value.where(service=SERVICE, load=LOAD),
        board=boards.SATURATION,
        variables={"service": "{{$labels.service}}"},
        values={"hours": str(hours)},
        kinds=("traffic_burst", "queue_saturation", "quota"),
    )


def _stale(section: RulesSection) -> Alert:
    return Alert(
        name="ForecastStale",
        severity="ticket",
        expr=f"time() - {forecast.MADE.value} > {_old(section)}",
        hold=section.scale.wait("10m"),
        query=forecast.MADE.value.where(instance="{{ $labels.instance }}"),
        board=boards.STACK,
        kinds=("telemetry_gap",),
    )


def _old(section: RulesSection) -> str:
    return number(section.thresholds.forecast_stale_seconds)
