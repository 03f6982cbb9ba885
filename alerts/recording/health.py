"""Recordings of a device's errors, of repairs that wait, and of what the chip does inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Recording
from exporters.catalog import gpu, gpu_health, gpu_links, gpu_profiling, neutral_gpu, probe

if TYPE_CHECKING:
    from alerts.durations import Scale
    from exporters.catalog.signal import Recorded, Selector

ASKED_FOR = "|".join(action for action in gpu_health.RECOVERY_ACTIONS if action != "none")


def devices(scale: Scale) -> tuple[Recording, ...]:
    """What NVML and the probe hold against a device, and how much of it is in use."""
    window = scale.window("5m")
    uncorrected = gpu_health.ECC_ERRORS.total.where(type="uncorrected", span="volatile")
    nvlink = gpu_links.NVLINK_TOTAL_ERRORS.total
    replays = gpu_links.PCIE_REPLAYS.total
    wrong = probe.PROBE_WRONG.total
    return (
        Recording(
            neutral_gpu.GPU_ECC_UNCORRECTED,
            f"sum by (instance, gpu) (increase({uncorrected}[{window}]))",
        ),
        Recording(neutral_gpu.GPU_RESET_NEEDED, _reset()),
        Recording(
            neutral_gpu.GPU_REPLACEMENT_NEEDED,
            _reasons(
                row_remapping=gpu_health.REMAP_FAILURE.value,
                sram_errors=gpu_health.SRAM_THRESHOLD.value,
            ),
        ),
        Recording(
            neutral_gpu.GPUS_MISSING,
            f"max by (instance) ({gpu.GPU_DEVICES_EXPECTED.value})\n-\n"
            f"max by (instance) ({gpu.GPU_EXPECTED.value})",
        ),
        Recording(
            neutral_gpu.NVLINK_ERROR_RATE, f"sum by (instance, gpu) (rate({nvlink}[{window}]))"
        ),
        Recording(
            neutral_gpu.PCIE_REPLAY_RATE, f"sum by (instance, gpu) (rate({replays}[{window}]))"
        ),
        _highest(neutral_gpu.SM_ACTIVE, gpu_profiling.SM_ACTIVE.value),
        _highest(neutral_gpu.PIPE_ACTIVE, gpu_profiling.PIPE_ACTIVE.value),
        _highest(neutral_gpu.DRAM_ACTIVE, gpu_profiling.DRAM_ACTIVE.value),
        Recording(
            neutral_gpu.KERNEL_WRONG,
            f"sum by (instance, device, kernel) (increase({wrong}[{window}]))",
        ),
        _highest(neutral_gpu.KERNEL_SLOWER, probe.PROBE_SLOW.value),
    )


def _highest(signal: Recorded, selector: Selector) -> Recording:
    return Recording(signal, f"max by ({', '.join(signal.labels)}) ({selector})")


def _reset() -> str:
    asked = gpu_health.RECOVERY_ACTION.value.matching(action=ASKED_FOR)
    waiting = _reasons(
        row_remapping=gpu_health.REMAP_PENDING.value,
        page_retirement=gpu_health.RETIRED_PENDING.value,
    )
    repair = gpu_health.REPAIR_PENDING.value
    return (
        f"{waiting}\nor\n"
        f"{_named(repair, 'repair', 'repair_of_$1')}\nor\n{_named(asked, 'action', '$1')}"
    )


def _named(selector: Selector, label: str, name: str) -> str:
    """The selector by reason, which is made of one of its labels."""
    renamed = f'label_replace({selector}, "reason", "{name}", "{label}", "(.+)")'
    return f"max by (instance, gpu, reason) ({renamed})"


def _reasons(**selectors: Selector) -> str:
    """Flags as one series each, under the reason they stand for."""
    return "\nor\n".join(
        f'label_replace(max by (instance, gpu) ({flag}), "reason", "{reason}", "", "")'
        for reason, flag in selectors.items()
    )
