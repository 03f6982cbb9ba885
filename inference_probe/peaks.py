"""What a device can do at most by its datasheet: read from `peaks.toml`, cut to a MIG slice."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

from exporters.settings import Section
from inference_probe.cost import Cost
from inference_probe.kernels.kernel import Kernel

PEAKS: Final = Path(__file__).with_name("peaks.toml")
SLICE: Final = re.compile(r"^(?P<whole>.+?) MIG \d+g\.(?P<gigabytes>\d+)gb")
MEMORY_SLICES: Final = 8
"""MIG hands memory and its bandwidth out in eighths (NVIDIA, MIG user guide)."""


class Peak(Section):
    """Dense peaks of one whole device; what is not certain is not there."""

    source: str
    flops: dict[str, float]
    memory: float | None = None
    link: float | None = None
    processors: int
    memory_gb: int


@cache
def peaks() -> dict[str, Peak]:
    """Every device in the table by the name its driver gives it."""
    found = tomllib.loads(PEAKS.read_text(encoding="utf-8"))
    return {name: Peak.model_validate(figures) for name, figures in found.items()}


def peak_of(name: str, processors: int) -> Peak | None:
    """The peak of the device called `name` with so many SMs, or None for one not in the table.

    A MIG slice has arithmetic by its share of SMs and bandwidth by its eighths of the memory; the
    host link is not divided.
    """
    sliced = SLICE.match(name)
    whole = peaks().get(sliced["whole"] if sliced else name)
    if whole is None or not sliced:
        return whole
    arithmetic = processors / whole.processors
    eighths = max(1, round(MEMORY_SLICES * int(sliced["gigabytes"]) / whole.memory_gb))
    return whole.model_copy(
        update={
            "flops": {kind: figure * arithmetic for kind, figure in whole.flops.items()},
            "memory": whole.memory and whole.memory * eighths / MEMORY_SLICES,
            "processors": processors,
        }
    )


def fraction(kernel: Kernel, seconds: float, peak: Peak | None) -> float | None:
    """Share of the peak that limits the kernel, from 0 to 1; None where there is no such peak."""
    limit = _seconds_at_best(kernel.cost, kernel, peak) if peak else None
    return limit / seconds if limit and seconds > 0 else None


def _seconds_at_best(cost: Cost, kernel: Kernel, peak: Peak) -> float | None:
    if kernel.bound == "compute":
        best = peak.flops.get(kernel.precision)
        return cost.flops / best if best else None
    if kernel.bound == "memory":
        return cost.bytes / peak.memory if peak.memory else None
    # The peak is that of the link to the host; between devices, topologies differ.
    if kernel.bound == "link" and kernel.name.startswith("copy_"):
        return cost.bytes / peak.link if peak.link else None
    return None
