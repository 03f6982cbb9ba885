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
        summary="A GPU does not answer.",
        says="does not answer, or is gone from the list of devices",
        means="NVML lost the device, or no longer lists it. Its replica cannot serve.",
        first=("Drain its replica.", "Read `dmesg` for XIDs; `nvidia-smi -q -i N` for its state."),
        kinds=("gpu_fault",),
    )  # fmt: skip


def _xid(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral.GPU_XID_RATE.value.matching(xid=FATAL_XIDS), "> 0",
        name="GpuXid", severity="page", hold="0s",
        summary="A GPU reported a fatal error.",
        says="reported XID {{ $labels.xid }}",
        means="After one of these errors the device needs a reset or a technician.",
        first=("Look the code up in NVIDIA's XID Errors.", "Drain its replica, then reset."),
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
        summary="Power holds a GPU's clocks down.",
        says="is held down by {{ $labels.reason }} {{ $value | humanizePercentage }} of the time",
        means="The device is slower than it could be, and every step of its replica with it.",
        first=("Compare power with its limit, and the limit with its neighbours'.",),
        kinds=("gpu_throttle",),
    )  # fmt: skip


def _busy(section: RulesSection) -> Alert:
    limit = section.thresholds.gpu_busy
    return GPU.alert(
        section, neutral.GPU_UTILIZATION.value, f"> {number(limit)}",
        name="GpuBusy", severity="warning", hold="5m",
        summary="A GPU has no room left.",
        says="is busy {{ $value | humanizePercentage }} of the time; "
        f"{percent(limit)} is the limit",
        means="A kernel runs nearly always: more load will wait. 60 to 80 % is healthy.",
        first=("If queues grow as well, scale out; if not, this is what it was bought for.",),
        kinds=("traffic_burst", "traffic_mix", "queue_saturation"),
    )  # fmt: skip


def _kernel(section: RulesSection) -> Alert:
    limit = number(section.thresholds.kernel_slowdown)
    return KERNEL.alert(
        section, neutral.KERNEL_SLOWDOWN.value, f"> {limit}",
        name="KernelSlow", severity="warning", hold="10m",
        summary="A known kernel takes longer than it used to.",
        says=f"takes {{{{ $value | humanize }}}} times its baseline; {limit} is the limit",
        means="The probe runs the same work every time, so the device or its software slowed down.",
        first=("One kernel slow: library or driver. All slow: clocks, neighbours, or the device.",),
        kinds=("kernel_regression", "gpu_throttle", "slow_replica", "cpu_starvation"),
    )  # fmt: skip


def _host(section: RulesSection, name: str, signal: Selector, field: str, kind: str) -> Alert:
    limit: float = getattr(section.thresholds, field)
    what = "memory" if field == "node_memory" else "CPU"
    return HOST.alert(
        section, signal, f"> {number(limit)}",
        name=name, severity="warning", hold="10m",
        summary=f"A host is short of {what}.",
        says=f"uses {{{{ $value | humanizePercentage }}}} of its {what}; {percent(limit)} is the "
        "limit",
        means=f"Tokenizers, schedulers and gateways compete for {what} on this host.",
        first=("`top` on the host; compare the cgroups of the replicas.",),
        kinds=(kind,),
    )  # fmt: skip
