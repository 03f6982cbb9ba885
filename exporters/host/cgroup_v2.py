"""The files of a cgroup v2 (kernel, Documentation/admin-guide/cgroup-v2.rst), read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from exporters.catalog.host import RESOURCES
from exporters.host.reading import Cgroup, flat, number

FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "cpu": ("cpu.stat", "cpu.max"),
    "memory": ("memory.current", "memory.max", "memory.events"),
    "pressure": tuple(f"{resource}.pressure" for resource in RESOURCES),
}
"""What to read of each controller."""

MICRO: Final = 1_000_000


def parse(files: Mapping[str, str]) -> Cgroup:
    """Make a reading of the files' texts by name; a missing file leaves its values out."""
    cpu, events = flat(files.get("cpu.stat")), flat(files.get("memory.events"))
    waited = {resource: _waited(files.get(f"{resource}.pressure")) for resource in RESOURCES}
    return Cgroup(
        cpu_usage=number(cpu.get("usage_usec"), MICRO),
        cpu_throttled=number(cpu.get("throttled_usec"), MICRO),
        cpu_periods=number(cpu.get("nr_periods")),
        cpu_throttled_periods=number(cpu.get("nr_throttled")),
        cpu_quota=_quota(files.get("cpu.max")),
        memory_used=number(files.get("memory.current")),
        memory_limit=number(files.get("memory.max")),
        oom_kills=number(events.get("oom_kill")),
        pressure={resource: total for resource, total in waited.items() if total is not None},
    )


def _quota(text: str | None) -> float | None:
    quota, period = (*map(number, (text or "").split()), None, None)[:2]
    return quota / period if quota is not None and period else None


def _waited(text: str | None) -> float | None:
    """The total of `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, in seconds."""
    for line in (text or "").splitlines():
        kind, _, values = line.partition(" ")
        if kind == "some":
            return number(values.rpartition("total=")[2], MICRO)
    return None
