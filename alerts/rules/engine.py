"""Alerts on the service's parts: queues, KV cache, rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Alert
from alerts.promql import number, percent
from exporters.catalog import boards, neutral

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from alerts.model import Severity

WHERE = {"service": "{{ $labels.service }}", "replica": "{{ $labels.replica }}"}
LINK = {"service": "{{$labels.service}}"}


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """Queues in two steps, KV cache, rotation."""
    thresholds = section.thresholds
    return (
        _queue(section, "QueueDeepWarning", "warning", thresholds.queue_warning, "2m"),
        _queue(section, "QueueDeep", "page", thresholds.queue_critical, "1m"),
        _kv_cache(section),
        _ejected(section),
        _memory(section),
    )


def _queue(section: RulesSection, name: str, severity: Severity, limit: int, hold: str) -> Alert:
    signal = neutral.QUEUE_DEPTH.value
    return Alert(
        name=name,
        severity=severity,
        expr=f"{signal} > {limit}",
        hold=section.scale.wait(hold),
        keep_firing=section.scale.wait("5m"),
        query=signal.where(**WHERE),
        board=boards.SERVICE,
        variables=LINK,
        values={"limit": str(limit)},
        kinds=("queue_saturation", "traffic_burst", "traffic_mix", "slow_replica", "retry_storm",
               "kv_cache_exhaustion", "cache_outage", "hot_spot"),
    )  # fmt: skip


def _kv_cache(section: RulesSection) -> Alert:
    limit = section.thresholds.kv_cache
    signal = neutral.KV_CACHE_USAGE.value
    return Alert(
        name="KVCacheFull",
        severity="warning",
        expr=f"{signal} > {number(limit)}",
        hold=section.scale.wait("2m"),
        query=signal.where(**WHERE),
        board=boards.SERVICE,
        variables=LINK,
        values={"limit": percent(limit)},
        kinds=("kv_cache_exhaustion", "traffic_mix"),
    )


def _ejected(section: RulesSection) -> Alert:
    signal = neutral.EJECTED.value
    return Alert(
        name="ReplicaEjected",
        severity="warning",
        expr=f"{signal} == 1",
        hold=section.scale.wait("2m"),
        query=signal.where(**WHERE),
        board=boards.SERVICE,
        variables=LINK,
        kinds=("slow_replica", "gpu_fault", "out_of_memory", "network_delay"),
    )


def _memory(section: RulesSection) -> Alert:
    signal, limit = neutral.REPLICA_MEMORY.value, neutral.REPLICA_MEMORY_LIMIT.value
    scale, ahead = section.scale, section.thresholds.memory_full_hours
    half, seconds = scale.window("5m"), int(scale.window_seconds(f"{ahead}h"))
    # Each half for itself: a step, such as a model being loaded, stands still afterwards.
    halves = (f"{signal}[{half}]", f"{signal}[{half}] offset {half}")
    return Alert(
        name="ReplicaMemoryClimbs",
        severity="page",
        expr="\nand\n".join(f"predict_linear({part}, {seconds}) > {limit}" for part in halves),
        hold=scale.wait("5m"),
        keep_firing=scale.wait("5m"),
        query=signal.where(**WHERE),
        board=boards.SERVICE,
        variables=LINK,
        values={"hours": str(ahead)},
        kinds=("memory_leak", "out_of_memory"),
    )
