"""Alerts on GPUs, probe kernels and hosts."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

from alerts.promql import number, percent
from alerts.rules.gpu import BRAKE, HEAT
from alerts.rules.subject import GPU, HOST, KERNEL
from exporters.catalog import neutral, neutral_hardware

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from alerts.model import Alert
    from exporters.catalog.signal import Selector

FATAL_XIDS = "48|62|64|74|79|95|119|120"
"""XIDs after which the device needs a reset or a technician (NVIDIA, XID Errors)."""
POWER = "sw_power_cap|hw_slowdown"


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """Everything about devices, worst first."""
    return (
        _down(section),
        _xid(section),
        _throttled(section),
        _busy(section),
        _kernel(section),
        _host(section, "NodeMemoryHigh", neutral.NODE_MEMORY.value, "node_memory", "memory_leak"),
        _host(section, "NodeCpuHigh", neutral.NODE_CPU.value, "node_cpu", "cpu_starvation"),
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
    return GPU.alert(
        section, signal.matching(reason=POWER),
        f"> {number(thresholds.gpu_throttled_share)}\n{other}",
        name="GpuThrottled", severity="warning", hold="10m",
        kinds=("gpu_throttle",),
    )  # fmt: skip


def _busy(section: RulesSection) -> Alert:
    limit = section.thresholds.gpu_busy
    return GPU.alert(
        section, neutral.GPU_UTILIZATION.value, f"> {number(limit)}",
        name="GpuBusy", severity="warning", hold="5m",
        values={"limit": percent(limit)},
        kinds=("traffic_burst", "traffic_mix", "queue_saturation"),
    )  # fmt: skip


def _kernel(section: RulesSection) -> Alert:
    limit = number(section.thresholds.kernel_slowdown)
    return KERNEL.alert(
        section, neutral.KERNEL_SLOWDOWN.value, f"> {limit}",
        name="KernelSlow", severity="warning", hold="10m",
        values={"limit": limit},
        kinds=("kernel_regression", "gpu_throttle", "slow_replica", "cpu_starvation"),
    )  # fmt: skip


def _host(section: RulesSection, name: str, signal: Selector, field: str, kind: str) -> Alert:
    limit: float = getattr(section.thresholds, field)
    return HOST.alert(
        section, signal, f"> {number(limit)}",
        name=name, severity="warning", hold="10m",
        values={"limit": percent(limit)}, kinds=(kind,),
    )  # fmt: skip
