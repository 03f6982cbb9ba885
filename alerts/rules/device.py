"""Alerts on GPUs, probe kernels and hosts."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

from alerts.promql import number
from alerts.rules.gpu import BRAKE, HEAT
from alerts.rules.subject import GPU, HOST, KERNEL, PART, RESOURCE
from exporters.catalog import neutral, neutral_hardware, neutral_levels

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from alerts.model import Alert
    from exporters.catalog.signal import Selector

FATAL_XIDS = "48|62|64|74|79|95|119|120"
"""XIDs after which the device needs a reset or a technician (NVIDIA, XID Errors)."""
POWER = "sw_power_cap|hw_slowdown"
LEAST_IO_WAITING = 0.05
"""Of less waiting than this, growth means nothing."""


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """Everything about devices, worst first."""
    return (
        _down(section),
        _xid(section),
        _throttled(section),
        _busy(section),
        _crowded(section),
        _underused(section),
        _memory(section),
        _fragmented(section),
        _power(section),
        _kernel(section),
        _host(section, "NodeMemoryHigh", neutral.NODE_MEMORY.value, "node_memory", "memory_leak"),
        _host(section, "NodeCpuHigh", neutral.NODE_CPU.value, "node_cpu", "cpu_starvation"),
        _resources(section),
        _storage(section),
    )


def _down(section: RulesSection) -> Alert:
    signal = neutral.GPU_UP.value
    back = section.scale.window("6h")
    exporter = neutral.TARGET_UP.value.where(job="gpu")
    # An exporter that does not answer takes its GPUs' series along; ExporterDown tells of that.
    vanished = (
        f"0 * (max_over_time({signal}[{back}]) unless {signal})\nand on (instance)\n{exporter} == 1"
    )
    return GPU.alert(
        section, signal, f"== 0\nor\n(\n{indent(vanished, '  ')}\n)",
        name="GpuDown", severity="page", hold="1m",
        kinds=("gpu_fault",),
    )  # fmt: skip


def _xid(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral.GPU_XID_RATE.value.matching(xid=FATAL_XIDS), "> 0",
        name="GpuXid", severity="page", hold="0s",
        kinds=("gpu_fault",),
    )  # fmt: skip


def _throttled(section: RulesSection) -> Alert:
    thresholds = section.thresholds
    signal = neutral_hardware.GPU_THROTTLED.value
    # Heat and brake raise hw_slowdown, too, and have alerts of their own that say more.
    other = (
        f"unless on (instance, gpu)\n(\n"
        f"  {signal.matching(reason=HEAT)} > {number(thresholds.gpu_thermal_share)}\n  or\n"
        f"  {signal.matching(reason=BRAKE)} > {number(thresholds.gpu_power_brake_share)}\n)"
    )
    return GPU.over(
        section, signal.matching(reason=POWER), "gpu_throttled_share", then=f"\n{other}",
        name="GpuThrottled", severity="warning", hold="10m",
        kinds=("gpu_throttle",),
    )  # fmt: skip


def _busy(section: RulesSection) -> Alert:
    return GPU.over(
        section, neutral.GPU_UTILIZATION.value, "gpu_busy", name="GpuBusy", severity="page",
        hold="5m", kinds=("traffic_burst", "traffic_mix", "queue_saturation"),
    )  # fmt: skip


def _crowded(section: RulesSection) -> Alert:
    return GPU.over(
        section, neutral.GPU_UTILIZATION.value, "gpu_healthy_most", name="GpuAboveHealthy",
        severity="info", hold="10m", kinds=("traffic_burst", "traffic_mix"),
    )  # fmt: skip


def _underused(section: RulesSection) -> Alert:
    signal = neutral.GPU_UTILIZATION.value
    level = GPU.level(section, "GpuUnderused", "gpu_healthy_least", signal)
    return GPU.alert(section, signal, level.under(), level=level, severity="info", hold="30m")


def _memory(section: RulesSection) -> Alert:
    return GPU.over(
        section, neutral.GPU_MEMORY.value, "gpu_memory", name="GpuMemoryFull", severity="warning",
        hold="5m", kinds=("kv_cache_exhaustion", "out_of_memory", "memory_leak"),
    )  # fmt: skip


def _fragmented(section: RulesSection) -> Alert:
    return PART.over(
        section, neutral_levels.MEMORY_FRAGMENTATION.value, "memory_fragmentation",
        name="DeviceMemoryFragmented", severity="warning", hold="10m",
        kinds=("out_of_memory", "kv_cache_exhaustion"),
    )  # fmt: skip


def _power(section: RulesSection) -> Alert:
    return GPU.over(
        section, neutral.GPU_POWER.value, "gpu_power_watts", name="GpuPowerHigh", severity="info",
        hold="10m", kinds=("gpu_throttle",),
    )  # fmt: skip


def _kernel(section: RulesSection) -> Alert:
    return KERNEL.over(
        section, neutral.KERNEL_SLOWDOWN.value, "kernel_slowdown",
        name="KernelSlow", severity="warning", hold="10m",
        kinds=("kernel_regression", "gpu_throttle", "slow_replica", "cpu_starvation"),
    )  # fmt: skip


def _host(section: RulesSection, name: str, signal: Selector, field: str, kind: str) -> Alert:
    return HOST.over(
        section, signal, field, name=name, severity="warning", hold="10m", kinds=(kind,)
    )


def _resources(section: RulesSection) -> Alert:
    return RESOURCE.over(
        section, neutral_levels.RESOURCE_USE.value, "resource_use", name="ResourceUseHigh",
        severity="warning", hold="10m", kinds=("traffic_burst", "cpu_starvation", "memory_leak"),
    )  # fmt: skip


def _storage(section: RulesSection) -> Alert:
    busy = f"\nand on (instance)\n{neutral.NODE_IO.value} > {LEAST_IO_WAITING}"
    return HOST.over(
        section, neutral_levels.IO_WAITING_GROWTH.value, "io_waiting_growth", then=busy,
        name="StorageWaitsGrow", severity="warning", hold="5m", kinds=("storage_slow",),
    )  # fmt: skip
