"""Recordings of GPUs, probe kernels and hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Recording
from exporters.catalog import foreign, gpu, neutral, probe

if TYPE_CHECKING:
    from alerts.durations import Scale
    from exporters.catalog.signal import Recorded, Selector

HARMFUL = (
    "sw_power_cap", "hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown",
    "hw_power_brake_slowdown",
)  # fmt: skip
"""Throttle reasons that cost speed; the others are wanted (idle, application clocks)."""


def gpus(scale: Scale) -> tuple[Recording, ...]:
    """State of every device."""
    return (
        _copy(neutral.GPU_UP, gpu.GPU_UP.value, "min"),
        _copy(neutral.GPU_UTILIZATION, gpu.GPU_UTILIZATION.value),
        _copy(neutral.GPU_POWER, gpu.GPU_POWER.value),
        _copy(neutral.GPU_TEMPERATURE, gpu.GPU_TEMPERATURE.value),
        _over(neutral.GPU_MEMORY, gpu.GPU_MEMORY_USED.value, gpu.GPU_MEMORY_TOTAL.value),
        _over(
            neutral.GPU_CLOCK,
            gpu.GPU_CLOCK.value.where(domain="sm"),
            gpu.GPU_CLOCK_MAX.value.where(domain="sm"),
        ),
        _copy(
            neutral.GPU_THROTTLE,
            gpu.GPU_THROTTLE_ACTIVE.value.matching(reason="|".join(HARMFUL)),
        ),
        Recording(neutral.GPU_XID_RATE, _xids(scale.window("5m"))),
    )


def _copy(signal: Recorded, selector: Selector, aggregate: str = "max") -> Recording:
    return Recording(signal, f"{aggregate} by ({', '.join(signal.labels)}) ({selector})")


def _over(signal: Recorded, part: Selector, whole: Selector) -> Recording:
    labels = ", ".join(signal.labels)
    return Recording(signal, f"max by ({labels}) ({part})\n/\nmax by ({labels}) ({whole})")


def _xids(window: str) -> str:
    # The exporter begins every known code at 0, so a gap in the scrapes raises nothing anew.
    return f"sum by (instance, gpu, xid) (increase({gpu.GPU_XID_ERRORS.total}[{window}]))"


def kernels(scale: Scale) -> tuple[Recording, ...]:
    """Probe kernels against their baseline."""
    return (_copy(neutral.KERNEL_SLOWDOWN, probe.PROBE_SLOWDOWN.value),)


def hosts(scale: Scale) -> tuple[Recording, ...]:
    """CPU, memory and waits for storage of every host."""
    idle = foreign.NODE_CPU.total.where(mode="idle")
    available = foreign.NODE_MEMORY_AVAILABLE.value
    total = foreign.NODE_MEMORY_TOTAL.value
    window = scale.window("5m")
    return (
        Recording(neutral.NODE_CPU, f"1 - avg by (instance) (rate({idle}[{window}]))"),
        Recording(
            neutral.NODE_MEMORY,
            f"1 - max by (instance) ({available})\n/\nmax by (instance) ({total})",
        ),
        Recording(
            neutral.NODE_IO,
            f"max by (instance) (rate({foreign.NODE_PRESSURE_IO.total}[{window}]))",
        ),
    )
