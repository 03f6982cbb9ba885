"""How many replicas the readings ask for, and why, in words: as Kubernetes' autoscaler reckons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from alerts.autoscaling.config import AutoscalingSection
from alerts.autoscaling.readings import Reading, amount, readings

TOLERANCE: Final = 0.1
"""So near a target nothing changes (--horizontal-pod-autoscaler-tolerance)."""


@dataclass(frozen=True)
class Decision:
    """`replicas` is what should run, within the bounds; `why` is one sentence for people."""

    replicas: int
    why: str


def should_scale(
    section: AutoscalingSection, replicas: int, values: Mapping[str, float]
) -> Decision:
    """The count for `values` by reading (`requests`, `forecast`, `gpu`, `queue`, `cpu`).

    The reading that asks for most decides. A reading that is missing or not finite asks for
    nothing; and while any is missing nothing is scaled in, as Kubernetes does.
    """
    known = {
        reading: values[reading.key]
        for reading in _all(section)
        if math.isfinite(values.get(reading.key, math.nan))
    }
    if not known:
        return Decision(_bounded(section, replicas), "nothing is known, so nothing changes")
    wants = {reading: wanted(reading, value, replicas) for reading, value in known.items()}
    first = max(wants, key=lambda reading: wants[reading])
    blind = [reading.key for reading in _all(section) if reading not in known]
    asked = max(wants[first], replicas) if blind else wants[first]
    count = _bounded(section, asked)
    return Decision(count, _why(section, replicas, count, first, known[first], asked, blind))


def wanted(reading: Reading, value: float, replicas: int) -> int:
    """Replicas that bring a reading to its target; as many as now where it is near."""
    here = max(1, replicas)
    ratio = value / (reading.target * (here if reading.shared else 1))
    if abs(ratio - 1) <= TOLERANCE:
        return replicas
    return math.ceil(here * ratio - 1e-9)


def _all(section: AutoscalingSection) -> tuple[Reading, ...]:
    cpu = section.cpu_percent
    own = (
        (Reading("cpu", "cpu", "", cpu, shared=False, unit="%", says="is the replicas' mean CPU"),)
        if cpu is not None
        else ()
    )
    return (*readings(section), *own)


def _bounded(section: AutoscalingSection, count: int) -> int:
    return min(section.replicas_max, max(section.replicas_min, count))


def _why(
    section: AutoscalingSection,
    before: int,
    count: int,
    first: Reading,
    value: float,
    asked: int,
    blind: list[str],
) -> str:
    each = " for each replica" if first.shared else ""
    reason = (
        f"{amount(value, first.unit)} {first.says}, and {amount(first.target, first.unit)}{each} "
        "is the target"
    )
    head = (
        f"stay at {count}" if count == before
        else f"from {before} {'up' if count > before else 'down'} to {count}"
    )  # fmt: skip
    limit = ""
    if asked > section.replicas_max:
        limit = f"; {asked} would be needed, and {section.replicas_max} is the most allowed"
    elif asked < section.replicas_min:
        limit = f"; {section.replicas_min} is the least allowed"
    missing = f"; unknown: {', '.join(blind)}" if blind else ""
    return f"{head}: {reason}{limit}{missing}"
