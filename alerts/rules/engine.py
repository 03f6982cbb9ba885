"""Alerts on the service's parts: queues, KV cache, rotation, starts, memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.rules.subject import PART
from exporters.catalog import neutral, neutral_levels

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from alerts.model import Alert, Severity


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """Queues in two steps, KV cache, rotation, and what single replicas suffer from."""
    return (
        _queue(section, "QueueDeepWarning", "warning", "queue_warning", "2m"),
        _queue(section, "QueueDeep", "page", "queue_critical", "1m"),
        _kv_cache(section),
        _preemptions(section),
        _ejected(section),
        _memory(section),
        _killed(section),
        _cpu(section),
        _uneven(section),
        _cold(section),
    )


def _queue(section: RulesSection, name: str, severity: Severity, key: str, hold: str) -> Alert:
    return PART.over(
        section, neutral.QUEUE_DEPTH.value, key, name=name, severity=severity, hold=hold, keep="5m",
        kinds=("queue_saturation", "traffic_burst", "traffic_mix", "slow_replica", "retry_storm",
               "kv_cache_exhaustion", "cache_outage", "hot_spot"),
    )  # fmt: skip


def _kv_cache(section: RulesSection) -> Alert:
    return PART.over(
        section, neutral.KV_CACHE_USAGE.value, "kv_cache", name="KVCacheFull", severity="warning",
        hold="2m", kinds=("kv_cache_exhaustion", "traffic_mix"),
    )  # fmt: skip


def _preemptions(section: RulesSection) -> Alert:
    return PART.over(
        section, neutral.PREEMPTION_RATE.value, "preemptions_per_second", name="PreemptionsMany",
        severity="warning", hold="5m", kinds=("kv_cache_exhaustion", "traffic_mix"),
    )  # fmt: skip


def _ejected(section: RulesSection) -> Alert:
    return PART.alert(
        section, neutral.EJECTED.value, "== 1",
        name="ReplicaEjected", severity="warning", hold="2m",
        kinds=("slow_replica", "gpu_fault", "out_of_memory", "network_delay"),
    )  # fmt: skip


def _memory(section: RulesSection) -> Alert:
    signal, limit = neutral.REPLICA_MEMORY.value, neutral.REPLICA_MEMORY_LIMIT.value
    scale, ahead = section.scale, section.thresholds.memory_full_hours
    half, seconds = scale.window("5m"), int(scale.window_seconds(f"{ahead}h"))
    # Each half for itself: a step, such as a model being loaded, stands still afterwards.
    before, now = (f"predict_linear({signal}[{half}]{back}, {seconds})"
                   for back in (f" offset {half}", ""))  # fmt: skip
    return PART.alert(
        section, signal, f"> {limit}\nand\n{before} > {limit}", expr=now,
        name="ReplicaMemoryClimbs", severity="page", hold="5m", keep="5m",
        values={"hours": str(ahead)}, kinds=("memory_leak", "out_of_memory"),
    )  # fmt: skip


def _killed(section: RulesSection) -> Alert:
    return PART.alert(
        section, neutral.REPLICA_OOM_KILLS.value, "> 0",
        name="ReplicaOutOfMemory", severity="warning", hold="0s", keep="15m",
        kinds=("out_of_memory", "memory_leak"),
    )  # fmt: skip


def _cpu(section: RulesSection) -> Alert:
    return PART.over(
        section, neutral.REPLICA_THROTTLED.value, "replica_throttled_share",
        name="ReplicaCpuThrottled", severity="warning", hold="10m", kinds=("cpu_starvation",),
    )  # fmt: skip


def _uneven(section: RulesSection) -> Alert:
    signal = neutral.RUNNING.value
    level = PART.level(section, "LoadUneven", "hot_spot_factor", signal)
    return PART.alert(
        section, signal, level.over(), level=level,
        # Of few requests one replica always has more than the others.
        expr=f"{signal}\n/ on (service) group_left ()\n(avg by (service) ({signal}) > 1)",
        severity="warning", hold="10m", kinds=("hot_spot", "slow_replica"),
    )  # fmt: skip


def _cold(section: RulesSection) -> Alert:
    return PART.over(
        section, neutral_levels.COLD_START.value, "cold_start_factor", name="ColdStartSlow",
        severity="info", hold="0s", keep="5m", kinds=("cold_start", "storage_slow"),
    )  # fmt: skip
