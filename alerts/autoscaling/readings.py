"""What replicas are counted by: one table for manifests, metrics adapter and reasons."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.autoscaling.config import AutoscalingSection
from alerts.promql import number
from exporters.catalog import forecast, neutral


@dataclass(frozen=True)
class Reading:
    """One signal to scale by.

    `shared` readings are totals that replicas share (a target is for one replica); the others are
    means over replicas. `says` completes the sentence "…, and N is the target".
    """

    key: str
    metric: str
    query: str
    target: float
    shared: bool
    unit: str
    says: str


def readings(section: AutoscalingSection) -> tuple[Reading, ...]:
    """Those from Prometheus, in the order they are told; CPU comes from Kubernetes itself."""
    service = section.service
    found = []
    if section.requests_per_second is not None:
        rate = f"sum({neutral.STARTED_RATE.value.where(service=service)})"
        found.append(_requests("requests", "llm_requests_per_second", rate, section, "arrive"))
        if section.forecast_ahead is not None:
            coming = forecast.EXPECTED.value.where(
                service=service, load="requests", ahead=section.forecast_ahead
            )
            name = "llm_requests_per_second_forecast"
            says = f"are expected in {section.forecast_ahead}"
            found.append(_requests("forecast", name, f"max({coming})", section, says))
    if section.gpu_percent is not None:
        busy = f"100 * avg({neutral.GPU_UTILIZATION.value})"
        says = "is the GPUs' mean utilisation"
        metric, target = "gpu_utilization_percent", float(section.gpu_percent)
        found.append(Reading("gpu", metric, busy, target, shared=False, unit="%", says=says))
    if section.queue is not None:
        depth = f"sum({neutral.QUEUE_DEPTH.value.where(service=service)})"
        metric, target = "llm_queue_depth", section.queue
        unit = " requests"
        found.append(Reading("queue", metric, depth, target, shared=True, unit=unit, says="wait"))
    return tuple(found)


def _requests(key: str, metric: str, query: str, section: AutoscalingSection, says: str) -> Reading:
    assert section.requests_per_second is not None
    target, unit = section.requests_per_second, " requests/s"
    return Reading(key, metric, query, target, shared=True, unit=unit, says=says)


def amount(value: float, unit: str) -> str:
    """`1200 requests/s`, `82%`."""
    return f"{number(round(value, 1))}{unit}"
