"""What the kernel's files said, in base units; None is what they do not tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace


@dataclass(frozen=True, slots=True)
class Process:
    """CPU seconds and resident bytes of one process."""

    cpu: float | None = None
    resident: float | None = None


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One control group: seconds, bytes, cores and counts."""

    cpu_usage: float | None = None
    cpu_throttled: float | None = None
    cpu_periods: float | None = None
    cpu_throttled_periods: float | None = None
    cpu_quota: float | None = None
    memory_used: float | None = None
    memory_limit: float | None = None
    oom_kills: float | None = None
    pressure: Mapping[str, float] = field(default_factory=dict)

    def completed_by(self, other: Cgroup) -> Cgroup:
        """This, with what it lacks taken from `other`."""
        lacking = [one.name for one in fields(self) if getattr(self, one.name) in (None, {})]
        return replace(self, **{name: getattr(other, name) for name in lacking})


def number(text: str | None, per_unit: int = 1) -> float | None:
    """A whole number of 1/`per_unit`; None for no text and for words such as `max`."""
    try:
        return int(text) / per_unit if text is not None else None
    except ValueError:
        return None


def flat(text: str | None) -> dict[str, str]:
    """A flat keyed file, `key value` on each line."""
    pairs = [line.split() for line in (text or "").splitlines()]
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
