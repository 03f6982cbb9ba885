"""Alerts on devices that err, wait for a repair, or give out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Alert
from alerts.rules.device import GPU, LINK, NAME, of_service
from exporters.catalog import boards, neutral_gpu

if TYPE_CHECKING:
    from alerts.config import RulesSection

HERE = {"instance": GPU["instance"]}
KERNEL = "{{ $labels.kernel }} on device {{ $labels.device }} at {{ $labels.instance }}"
PROBED = {"instance": GPU["instance"], "device": "{{ $labels.device }}"}


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
    signal = neutral_gpu.KERNEL_WRONG.value
    return Alert(
        name="KernelResultsWrong",
        severity="page",
        expr=of_service(f"{signal} > 0", "probe"),
        hold="0s",
        keep_firing=section.scale.wait("5m"),
        summary="A GPU computes wrong results.",
        description=f"{KERNEL} gave a result that is not the known one.",
        query=signal.where(**PROBED),
        board=boards.GPU,
        variables={"instance": LINK["instance"]},
        means="The same inputs gave another result, and no error was raised: answers to users may "
        "be wrong, too.",
        first=("Drain its replica at once.", "Run `dcgmi diag` or the vendor's test on it."),
        kinds=("gpu_fault",),
    )


def _ecc(section: RulesSection) -> Alert:
    signal = neutral_gpu.GPU_ECC_UNCORRECTED.value
    return Alert(
        name="GpuEccUncorrected",
        severity="warning",
        expr=of_service(f"{signal} > 0", "gpu"),
        hold="0s",
        keep_firing=section.scale.wait("5m"),
        summary="A GPU's memory has errors that ECC could not mend.",
        description=f"{NAME} had {{{{ $value | humanize }}}} uncorrected ECC errors lately.",
        query=signal.where(**GPU),
        board=boards.GPU,
        variables=LINK,
        means="Whatever used that memory was ended or is wrong; an XID mostly comes with it.",
        first=("Look whether rows wait to be remapped (GpuResetNeeded).", "Drain, then reset."),
        kinds=("gpu_fault",),
    )


def _missing(section: RulesSection) -> Alert:
    signal = neutral_gpu.GPUS_MISSING.value
    return Alert(
        name="GpusMissing",
        severity="warning",
        expr=of_service(f"{signal} > 0", "gpu"),
        hold=section.scale.wait("5m"),
        summary="A machine has fewer GPUs than it should.",
        description="{{ $value | humanize }} GPUs of {{ $labels.instance }} are missing.",
        query=signal.where(**HERE),
        board=boards.GPU,
        variables={"instance": LINK["instance"]},
        means="The driver lists fewer devices than were configured or ever seen.",
        first=("`lspci` and `dmesg` tell whether the bus still has it.", "Reboot, then reseat."),
        kinds=("gpu_fault",),
    )


def _reset(section: RulesSection) -> Alert:
    signal = neutral_gpu.GPU_RESET_NEEDED.value
    return Alert(
        name="GpuResetNeeded",
        severity="warning",
        expr=of_service(f"{signal} == 1", "gpu"),
        hold=section.scale.wait("5m"),
        summary="A GPU waits for a reset.",
        description=f"{NAME} waits for a reset: {{{{ $labels.reason }}}}.",
        query=signal.where(**GPU),
        board=boards.GPU,
        variables=LINK,
        means="It serves on, without the memory or the unit that is to be mended.",
        first=("Drain its replica in a quiet hour and reset the device as the reason says.",),
        kinds=("gpu_fault",),
    )


def _replacement(section: RulesSection) -> Alert:
    signal = neutral_gpu.GPU_REPLACEMENT_NEEDED.value
    return Alert(
        name="GpuReplacementNeeded",
        severity="ticket",
        expr=of_service(f"{signal} == 1", "gpu"),
        hold=section.scale.wait("5m"),
        summary="A GPU is worn out.",
        description=f"{NAME} is to be replaced: {{{{ $labels.reason }}}}.",
        query=signal.where(**GPU),
        board=boards.GPU,
        variables=LINK,
        means="Its spare memory is used up, or its SRAM erred more often than the vendor allows.",
        first=("Order a replacement; move what must not stop to another device.",),
        kinds=("gpu_fault",),
    )


def _nvlink(section: RulesSection) -> Alert:
    signal = neutral_gpu.NVLINK_ERROR_RATE.value
    return Alert(
        name="NvlinkErrors",
        severity="warning",
        expr=of_service(f"{signal} > 0", "gpu"),
        hold=section.scale.wait("5m"),
        summary="NVLinks of a GPU have errors.",
        description=f"{NAME} has {{{{ $value | humanize }}}} NVLink errors a second.",
        query=signal.where(**GPU),
        board=boards.GPU,
        variables=LINK,
        means="Packets are sent again, and traffic between GPUs slows down; a link may go next.",
        first=("`nvidia-smi nvlink -e` tells which link; reseat or replace its bridge.",),
        kinds=("gpu_fault", "network_delay"),
    )


def _slower(section: RulesSection) -> Alert:
    signal = neutral_gpu.KERNEL_SLOWER.value
    return Alert(
        name="KernelSlower",
        severity="ticket",
        expr=of_service(f"{signal} == 1", "probe"),
        hold=section.scale.wait("1h"),
        summary="A known kernel became a little slower.",
        description=f"{KERNEL} is slower than its baseline; its change detector is sure.",
        query=signal.where(**PROBED),
        board=boards.GPU,
        variables={"instance": LINK["instance"]},
        means="Too little to be felt, too lasting to be chance: a driver, a library, heat.",
        first=("Compare with the day it began: driver, library, clocks, temperature.",),
        kinds=("kernel_regression", "gpu_throttle"),
    )
