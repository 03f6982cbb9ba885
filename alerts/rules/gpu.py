"""Alerts on a GPU's errors, heat, power and links, beside those of `device` and `health`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.rules.subject import GPU
from exporters.catalog import neutral, neutral_gpu, neutral_hardware

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from alerts.model import Alert

CONTAINED_XIDS = "61|63|92|94|149|154"
"""XIDs that tell of trouble without ending all work on the device (NVIDIA, XID Errors)."""
FATAL_EVENTS = "fatal_poison|gpu_unavailable|dram_retirement_failure"
HEAT = "sw_thermal_slowdown|hw_thermal_slowdown"
BRAKE = "hw_power_brake_slowdown"


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """What ends work first, then what slows it, then what wears out."""
    return (
        _event(section),
        _xid(section),
        _heat(section),
        _brake(section),
        _hot(section),
        _nvlink(section),
        _fabric(section),
        _pcie_width(section),
        _pcie_replays(section),
        _spare_rows(section),
    )


def _event(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_hardware.GPU_EVENTS.value.matching(event=FATAL_EVENTS), "> 0",
        name="GpuFatalEvent", severity="page", hold="0s", keep="5m",
        kinds=("gpu_fault",),
    )  # fmt: skip


def _xid(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral.GPU_XID_RATE.value.matching(xid=CONTAINED_XIDS), "> 0",
        name="GpuXidContained", severity="warning", hold="0s", keep="15m",
        kinds=("gpu_fault",),
    )  # fmt: skip


def _heat(section: RulesSection) -> Alert:
    return GPU.over(
        section, neutral_hardware.GPU_THROTTLED.value.matching(reason=HEAT), "gpu_thermal_share",
        name="GpuThrottledByHeat", severity="warning", hold="5m",
        kinds=("gpu_throttle",),
    )  # fmt: skip


def _brake(section: RulesSection) -> Alert:
    signal = neutral_hardware.GPU_THROTTLED.value.matching(reason=BRAKE)
    return GPU.over(
        section, signal, "gpu_power_brake_share",
        name="GpuPowerBrake", severity="warning", hold="5m",
        kinds=("gpu_throttle",),
    )  # fmt: skip


def _hot(section: RulesSection) -> Alert:
    signal = neutral_hardware.GPU_MARGIN.value
    level = GPU.level(section, "GpuHot", "gpu_temperature_margin", signal)
    return GPU.alert(
        section, signal, level.under(), level=level, severity="warning", hold="10m",
        kinds=("gpu_throttle",),
    )  # fmt: skip


def _nvlink(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_hardware.NVLINKS_DOWN.value, "> 0",
        name="NvlinkDown", severity="warning", hold="5m",
        kinds=("gpu_fault", "network_delay"),
    )  # fmt: skip


def _fabric(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_hardware.FABRIC_PROBLEM.value, "== 1",
        name="FabricUnhealthy", severity="warning", hold="5m",
        kinds=("gpu_fault", "network_delay"),
    )  # fmt: skip


def _pcie_width(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_hardware.PCIE_WIDTH.value, "< 1",
        name="PcieLinkNarrow", severity="ticket", hold="15m",
        kinds=("gpu_fault", "storage_slow"),
    )  # fmt: skip


def _pcie_replays(section: RulesSection) -> Alert:
    signal = neutral_gpu.PCIE_REPLAY_RATE.value
    level = GPU.level(section, "PcieReplays", "pcie_replays_per_minute", signal)
    return GPU.alert(
        section, signal, level.over(), expr=f"{signal} * 60", level=level,
        severity="ticket", hold="15m", kinds=("gpu_fault",),
    )  # fmt: skip


def _spare_rows(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_hardware.ROW_BANKS_SHORT.value, "> 0",
        name="GpuSpareRowsLow", severity="ticket", hold="1h",
        kinds=("gpu_fault",),
    )  # fmt: skip
