"""The files of cgroup v1 (kernel, Documentation/admin-guide/cgroup-v1), read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from exporters.host.reading import Cgroup, flat, number

FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "cpu": ("cpu.stat", "cpu.cfs_quota_us", "cpu.cfs_period_us"),
    "cpuacct": ("cpuacct.usage",),
    "memory": ("memory.usage_in_bytes", "memory.limit_in_bytes", "memory.oom_control"),
}
"""What to read of each controller."""

NANO: Final = 1_000_000_000

NO_LIMIT: Final = 2**63 - 2**16
"""The kernel writes "no limit" as the largest whole number of pages; pages have up to 64 KiB."""


def parse(files: Mapping[str, str]) -> Cgroup:
    """Make a reading of the files' texts by name; a missing file leaves its values out."""
    cpu, oom = flat(files.get("cpu.stat")), flat(files.get("memory.oom_control"))
    limit = number(files.get("memory.limit_in_bytes"))
    return Cgroup(
        cpu_usage=number(files.get("cpuacct.usage"), NANO),
        cpu_throttled=number(cpu.get("throttled_time"), NANO),
        cpu_periods=number(cpu.get("nr_periods")),
        cpu_throttled_periods=number(cpu.get("nr_throttled")),
        cpu_quota=_quota(files),
        memory_used=number(files.get("memory.usage_in_bytes")),
        memory_limit=limit if limit is not None and limit < NO_LIMIT else None,
        oom_kills=number(oom.get("oom_kill")),
    )


def _quota(files: Mapping[str, str]) -> float | None:
    quota = number(files.get("cpu.cfs_quota_us"))
    period = number(files.get("cpu.cfs_period_us"))
    return quota / period if quota is not None and quota > 0 and period else None
