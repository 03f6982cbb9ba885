"""Recordings that only alerts on a level need: growth, starts, fragmentation, use of machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Recording
from alerts.promql import quantile
from exporters.catalog import foreign, host, neutral, neutral_levels
from exporters.catalog import requests as raw
from exporters.catalog.engines import REPLICA

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from alerts.durations import Scale

GATEWAY = "gateway"
DISKS = "ext[234]|xfs|btrfs|zfs|nfs4?"
"""File systems that fill up; others are made of memory or read only."""


def recordings(section: RulesSection) -> tuple[Recording, ...]:
    """What a service, its replicas and their machines are measured by."""
    scale = section.scale
    return (
        _interactive(section),
        Recording(neutral_levels.ARRIVAL_GROWTH, _growth(scale)),
        Recording(neutral_levels.COLD_START, _cold_start(scale)),
        Recording(neutral_levels.BACKLOG_AGE, _backlog_age(scale)),
        Recording(neutral_levels.MEMORY_FRAGMENTATION, _fragmentation()),
        Recording(neutral_levels.RESOURCE_USE, _resource_use()),
        Recording(neutral_levels.IO_WAITING_GROWTH, _io_growth(scale)),
        Recording(neutral_levels.DISK_FREE, _disk_free()),
    )


def _interactive(section: RulesSection) -> Recording:
    signal, window = neutral_levels.INTERACTIVE_P99, section.scale.window("5m")
    where = {"job": GATEWAY, "outcome": raw.SERVED, "priority": section.interactive_priority}
    return Recording(
        signal, quantile("0.99", signal, raw.REQUEST_DURATION_BY_OUTCOME, window, **where)
    )


def _growth(scale: Scale) -> str:
    return _over_usual(neutral.STARTED_RATE.value, "service", scale)


def _over_usual(signal: str, label: str, scale: Scale) -> str:
    """A signal over its mean of the hour that ended ten minutes ago, for each value of `label`.

    Whoever has been known for less than forty minutes has nothing that is usual: the few samples
    there are were taken while it began, and a rate that begins is told too small.
    """
    past = f"avg_over_time({signal}[{scale.window('1h')}] offset {scale.window('10m')})"
    usual = f"(sum by ({label}) ({past}) > 0)"
    known = f"group by ({label}) ({signal} offset {scale.window('40m')})"
    return f"sum by ({label}) ({signal})\n/\n{usual}\nand\n{known}"


def _cold_start(scale: Scale) -> str:
    first = f"max by (service, replica) ({raw.COLD_START.value.where(job=REPLICA)})"
    started = f"max by (service, replica) ({foreign.PROCESS_START.value.where(job=REPLICA)})"
    young = f"time() - {started} < {int(scale.window_seconds('15m'))}"
    usual = f"max by (service) ({neutral.DURATION_P50.value})"
    return f"{first}\n/ on (service) group_left ()\n({usual} > 0)\nand\n{young}"


def _backlog_age(scale: Scale) -> str:
    by = ", ".join(neutral_levels.BACKLOG_AGE.labels)
    read = f"deriv({foreign.KAFKA_GROUP_OFFSET.value}[{scale.window('5m')}])"
    lag = f"sum by ({by}) ({foreign.KAFKA_LAG.value})"
    return f"{lag}\n/\n(sum by ({by}) ({read}) > 0)"


def _fragmentation() -> str:
    def total(signal: str) -> str:
        return f"max by (service, replica) ({signal})"

    split = total(host.TORCH_SPLIT.value.where(job=REPLICA))
    return f"{split}\n/\n({total(host.TORCH_RESERVED.value.where(job=REPLICA))} > 0)"


def _resource_use() -> str:
    resources = {
        "cpu": neutral.NODE_CPU.value,
        "memory": neutral.NODE_MEMORY.value,
        "gpu": f"avg by (instance) ({neutral.GPU_UTILIZATION.value})",
    }
    return "\nor\n".join(
        f'label_replace({use}, "resource", "{name}", "", "")' for name, use in resources.items()
    )


def _io_growth(scale: Scale) -> str:
    return _over_usual(neutral.NODE_IO.value, "instance", scale)


def _disk_free() -> str:
    free = foreign.NODE_DISK_FREE.value.matching(fstype=DISKS)
    return f"min by (instance, mountpoint) ({free})"
