"""Alerts on GPUs, probe kernels and hosts."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

from alerts.model import Alert
from alerts.promql import number, percent
from exporters.catalog import boards, neutral, neutral_hardware

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from exporters.catalog.signal import Selector

GPU = {"instance": "{{ $labels.instance }}", "gpu": "{{ $labels.gpu }}"}
LINK = {"instance": "{{$labels.instance}}", "gpu": "{{$labels.gpu}}"}
NAME = "GPU {{ $labels.gpu }} at {{ $labels.instance }}"
FATAL_XIDS = "48|62|64|74|79|95|119|120"
"""XIDs after which the device needs a reset or a technician (NVIDIA, XID Errors)."""


def of_service(expr: str, job: str) -> str:
    """Give device series the service that their target belongs to, so that routes can group."""
    return (
        f"(\n{indent(expr, '  ')}\n)\n* on (instance) group_left (service)\n"
        f"max by (instance, service) ({neutral.TARGET_UP.value.where(job=job)})"
    )


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """Everything about devices, worst first."""
    return (
        _down(section),
        _xid(),
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
    return Alert(
        name="GpuDown",
        severity="page",
        expr=of_service(f"{signal} == 0\nor\n(\n{indent(vanished, '  ')}\n)", "gpu"),
        hold=section.scale.wait("1m"),
        summary="A GPU does not answer.",
        description=f"{NAME} does not answer, or is gone from the list of devices.",
        query=signal.where(**GPU),
        board=boards.GPU,
        variables=LINK,
        means="NVML lost the device, or no longer lists it. Its replica cannot serve.",
        first=("Drain its replica.", "Read `dmesg` for XIDs; `nvidia-smi -q -i N` for its state."),
        kinds=("gpu_fault",),
    )


def _xid() -> Alert:
    signal = neutral.GPU_XID_RATE.value
    return Alert(
        name="GpuXid",
        severity="page",
        expr=of_service(f"{signal.matching(xid=FATAL_XIDS)} > 0", "gpu"),
        hold="0s",
        summary="A GPU reported a fatal error.",
        description=f"{NAME} reported XID {{{{ $labels.xid }}}}.",
        query=signal.where(**GPU),
        board=boards.GPU,
        variables=LINK,
        means="After one of these errors the device needs a reset or a technician.",
        first=("Look the code up in NVIDIA's XID Errors.", "Drain its replica, then reset."),
        kinds=("gpu_fault",),
    )


def _throttled(section: RulesSection) -> Alert:
    limit = section.thresholds.gpu_throttled_share
    signal = neutral_hardware.GPU_THROTTLED.value
    return Alert(
        name="GpuThrottled",
        severity="warning",
        expr=of_service(f"{signal} > {number(limit)}", "gpu"),
        hold=section.scale.wait("10m"),
        summary="Power or heat holds a GPU's clocks down.",
        description=f"{NAME} is held down by {{{{ $labels.reason }}}} "
        "{{ $value | humanizePercentage }} of the time.",
        query=signal.where(**GPU),
        board=boards.GPU,
        variables=LINK,
        means="The device is slower than it could be, and every step of its replica with it.",
        first=("Compare power with its limit and temperature with its neighbours.",),
        kinds=("gpu_throttle",),
    )


def _busy(section: RulesSection) -> Alert:
    limit = section.thresholds.gpu_busy
    signal = neutral.GPU_UTILIZATION.value
    return Alert(
        name="GpuBusy",
        severity="warning",
        expr=of_service(f"{signal} > {number(limit)}", "gpu"),
        hold=section.scale.wait("5m"),
        summary="A GPU has no room left.",
        description=f"{NAME} is busy {{{{ $value | humanizePercentage }}}} of the time; "
        f"{percent(limit)} is the limit.",
        query=signal.where(**GPU),
        board=boards.GPU,
        variables=LINK,
        means="A kernel runs nearly always: more load will wait. 60 to 80 % is healthy.",
        first=("If queues grow as well, scale out; if not, this is what it was bought for.",),
        kinds=("traffic_burst", "traffic_mix", "queue_saturation"),
    )


def _kernel(section: RulesSection) -> Alert:
    limit = section.thresholds.kernel_slowdown
    signal = neutral.KERNEL_SLOWDOWN.value
    return Alert(
        name="KernelSlow",
        severity="warning",
        expr=of_service(f"{signal} > {number(limit)}", "probe"),
        hold=section.scale.wait("10m"),
        summary="A known kernel takes longer than it used to.",
        description="{{ $labels.kernel }} on device {{ $labels.device }} at {{ $labels.instance }} "
        f"takes {{{{ $value | humanize }}}} times its baseline; {number(limit)} is the limit.",
        query=signal.where(instance=GPU["instance"], device="{{ $labels.device }}"),
        board=boards.GPU,
        variables={"instance": LINK["instance"]},
        means="The probe runs the same work every time, so the device or its software slowed down.",
        first=("One kernel slow: library or driver. All slow: clocks, neighbours, or the device.",),
        kinds=("kernel_regression", "gpu_throttle", "slow_replica", "cpu_starvation"),
    )


def _host(section: RulesSection, name: str, signal: Selector, field: str, kind: str) -> Alert:
    limit: float = getattr(section.thresholds, field)
    what = "memory" if field == "node_memory" else "CPU"
    return Alert(
        name=name,
        severity="warning",
        expr=of_service(f"{signal} > {number(limit)}", "node"),
        hold=section.scale.wait("10m"),
        summary=f"A host is short of {what}.",
        description=f"{{{{ $value | humanizePercentage }}}} of the {what} of "
        f"{{{{ $labels.instance }}}} is in use; {percent(limit)} is the limit.",
        query=signal.where(instance=GPU["instance"]),
        board=boards.SERVICE,
        means=f"Tokenizers, schedulers and gateways compete for {what} on this host.",
        first=("`top` on the host; compare the cgroups of the replicas.",),
        kinds=(kind,),
    )
