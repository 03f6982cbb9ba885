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
PART = '{{ or $labels.replica "the gateway" }} of {{ $labels.service }}'


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
        summary="Requests pile up in a queue.",
        description=f"{{{{ $value | humanize }}}} requests wait at {PART}; {limit} is the limit.",
        query=signal.where(**WHERE),
        board=boards.SERVICE,
        variables=LINK,
        means="More work arrives than is done. A full queue answers 503: server busy.",
        first=(
            "See whether arrivals jumped (burst), prompts grew (mix) or a replica slowed down.",
            "Shed the batch class first; scale out if every replica is busy.",
        ),
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
        summary="The KV cache of a replica is full.",
        description=(
            f"{{{{ $value | humanizePercentage }}}} of the KV cache of {PART} is in use; "
            f"{percent(limit)} is the limit."
        ),
        query=signal.where(**WHERE),
        board=boards.SERVICE,
        variables=LINK,
        means="New sequences wait for blocks, and running ones are preempted and start over.",
        first=("Look at prompt lengths and preemptions; cap length or concurrency.",),
        kinds=("kv_cache_exhaustion", "traffic_mix"),
    )


def _ejected(section: RulesSection) -> Alert:
    signal = neutral.EJECTED.value
    return Alert(
        name="ReplicaEjected",
        severity="warning",
        expr=f"{signal} == 1",
        hold=section.scale.wait("2m"),
        summary="Outlier ejection keeps a replica out of rotation.",
        description="{{ $labels.replica }} of {{ $labels.service }} takes no traffic.",
        query=signal.where(**WHERE),
        board=boards.SERVICE,
        variables=LINK,
        means="The gateway saw this replica fail again and again; the others carry its share.",
        first=("Read the replica's log and its GPU's dashboard; restart or replace it.",),
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
        summary="A replica's memory only climbs.",
        description=(
            f"Memory of {{{{ $labels.replica }}}} of {{{{ $labels.service }}}} climbs and will be "
            f"full within {ahead} hours."
        ),
        query=signal.where(**WHERE),
        board=boards.SERVICE,
        variables=LINK,
        means="Nothing is let go any more. When the limit is reached the process is killed.",
        first=(
            "Restart the replica while another one serves; that wins time, no more.",
            "See since when it climbs, and what was deployed then.",
        ),
        kinds=("memory_leak", "out_of_memory"),
    )
