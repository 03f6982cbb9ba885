"""Alerts on devices that err, wait for a repair, or give out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.rules.subject import GPU, GPU_EXPORTER, KERNEL
from exporters.catalog import neutral_gpu

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from alerts.model import Alert


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """What makes results wrong first, then what can wait for a quiet hour."""
    return (
        _wrong(section),
        _ecc(section),
        _missing(section),
        _reset(section),
        _replacement(section),
        _nvlink(section),
        _slower(section),
    )


def _wrong(section: RulesSection) -> Alert:
    return KERNEL.alert(
        section, neutral_gpu.KERNEL_WRONG.value, "> 0",
        name="KernelResultsWrong", severity="page", hold="0s", keep="5m",
        summary="A GPU computes wrong results.",
        says="gave a result that is not the known one",
        means="The same inputs gave another result, and no error was raised: answers to users may "
        "be wrong, too.",
        first=("Drain its replica at once.", "Run `dcgmi diag` or the vendor's test on it."),
        kinds=("gpu_fault",),
    )  # fmt: skip


def _ecc(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_gpu.GPU_ECC_UNCORRECTED.value, "> 0",
        name="GpuEccUncorrected", severity="warning", hold="0s", keep="5m",
        summary="A GPU's memory has errors that ECC could not mend.",
        says="had {{ $value | humanize }} uncorrected ECC errors lately",
        means="Whatever used that memory was ended or is wrong; an XID mostly comes with it.",
        first=("Look whether rows wait to be remapped (GpuResetNeeded).", "Drain, then reset."),
        kinds=("gpu_fault",),
    )  # fmt: skip


def _missing(section: RulesSection) -> Alert:
    return GPU_EXPORTER.alert(
        section, neutral_gpu.GPUS_MISSING.value, "> 0",
        name="GpusMissing", severity="warning", hold="5m",
        summary="A machine has fewer GPUs than it should.",
        says="misses {{ $value | humanize }} of its GPUs",
        means="The driver lists fewer devices than were configured or ever seen.",
        first=("`lspci` and `dmesg` tell whether the bus still has it.", "Reboot, then reseat."),
        kinds=("gpu_fault",),
    )  # fmt: skip


def _reset(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_gpu.GPU_RESET_NEEDED.value, "== 1",
        name="GpuResetNeeded", severity="warning", hold="5m",
        summary="A GPU waits for a reset.",
        says="waits for a reset: {{ $labels.reason }}",
        means="It serves on, without the memory or the unit that is to be mended.",
        first=("Drain its replica in a quiet hour and reset the device as the reason says.",),
        kinds=("gpu_fault",),
    )  # fmt: skip


def _replacement(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_gpu.GPU_REPLACEMENT_NEEDED.value, "== 1",
        name="GpuReplacementNeeded", severity="ticket", hold="5m",
        summary="A GPU is worn out.",
        says="is to be replaced: {{ $labels.reason }}",
        means="Its spare memory is used up, or its SRAM erred more often than the vendor allows.",
        first=("Order a replacement; move what must not stop to another device.",),
        kinds=("gpu_fault",),
    )  # fmt: skip


def _nvlink(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_gpu.NVLINK_ERROR_RATE.value, "> 0",
        name="NvlinkErrors", severity="warning", hold="5m",
        summary="NVLinks of a GPU have errors.",
        says="has {{ $value | humanize }} NVLink errors a second",
        means="Packets are sent again, and traffic between GPUs slows down; a link may go next.",
        first=("`nvidia-smi nvlink -e` tells which link; reseat or replace its bridge.",),
        kinds=("gpu_fault", "network_delay"),
    )  # fmt: skip


def _slower(section: RulesSection) -> Alert:
    return KERNEL.alert(
        section, neutral_gpu.KERNEL_SLOWER.value, "== 1",
        name="KernelSlower", severity="ticket", hold="1h",
        summary="A known kernel became a little slower.",
        says="is slower than its baseline; its change detector is sure",
        means="Too little to be felt, too lasting to be chance: a driver, a library, heat.",
        first=("Compare with the day it began: driver, library, clocks, temperature.",),
        kinds=("kernel_regression", "gpu_throttle"),
    )  # fmt: skip
