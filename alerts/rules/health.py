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
        kinds=("gpu_fault",),
    )  # fmt: skip


def _ecc(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_gpu.GPU_ECC_UNCORRECTED.value, "> 0",
        name="GpuEccUncorrected", severity="warning", hold="0s", keep="5m",
        kinds=("gpu_fault",),
    )  # fmt: skip


def _missing(section: RulesSection) -> Alert:
    return GPU_EXPORTER.alert(
        section, neutral_gpu.GPUS_MISSING.value, "> 0",
        name="GpusMissing", severity="warning", hold="5m",
        kinds=("gpu_fault",),
    )  # fmt: skip


def _reset(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_gpu.GPU_RESET_NEEDED.value, "== 1",
        name="GpuResetNeeded", severity="warning", hold="5m",
        kinds=("gpu_fault",),
    )  # fmt: skip


def _replacement(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_gpu.GPU_REPLACEMENT_NEEDED.value, "== 1",
        name="GpuReplacementNeeded", severity="ticket", hold="5m",
        kinds=("gpu_fault",),
    )  # fmt: skip


def _nvlink(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_gpu.NVLINK_ERROR_RATE.value, "> 0",
        name="NvlinkErrors", severity="warning", hold="5m",
        kinds=("gpu_fault", "network_delay"),
    )  # fmt: skip


def _slower(section: RulesSection) -> Alert:
    return KERNEL.alert(
        section, neutral_gpu.KERNEL_SLOWER.value, "== 1",
        name="KernelSlower", severity="ticket", hold="1h",
        kinds=("kernel_regression", "gpu_throttle"),
    )  # fmt: skip
