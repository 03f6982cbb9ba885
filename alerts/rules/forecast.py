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
        summary="The load may soon be more than the service can bear.",
        description=(
            f"{LOAD} of {SERVICE} may cross its capacity in "
            "{{ $value | humanizeDuration }}, at the forecast's upper bound."
        ),
        query=forecast.UPPER.value.where(service=SERVICE, load=LOAD),
        board=boards.SERVICE,
        variables={"service": "{{$labels.service}}"},
        means=f"Of the futures that the forecast reckons with, some cross the configured capacity "
        f"within {hours} hours. Nobody is refused yet.",
        first=(
            "`busysignal forecast` shows the expected load beside its bounds.",
            "Scale out now if a replica takes long to start; see why the autoscaler does not.",
            "If the capacity has grown since, correct [forecast.capacity].",
        ),
        kinds=("traffic_burst", "queue_saturation", "quota"),
    )


def _stale(section: RulesSection) -> Alert:
    return Alert(
        name="ForecastStale",
        severity="ticket",
        expr=f"time() - {forecast.MADE.value} > {_old(section)}",
        hold=section.scale.wait("10m"),
        summary="The forecast is not renewed.",
        description="{{ $labels.instance }} made its last forecast "
        "{{ $value | humanizeDuration }} ago.",
        query=forecast.MADE.value.where(instance="{{ $labels.instance }}"),
        board=boards.SERVICE,
        means="`busysignal forecast --serve` runs but gets no answer from Prometheus; alerts and "
        "autoscaling go on without it.",
        first=("Read its log: it says what Prometheus answered.",),
        kinds=("telemetry_gap",),
    )


def _old(section: RulesSection) -> str:
    return number(section.thresholds.forecast_stale_seconds)
