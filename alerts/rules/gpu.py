"""Alerts on a GPU's errors, heat, power and links, beside those of `device` and `health`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.promql import number
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
        summary="The driver told of an error that ends work on a GPU.",
        says="met {{ $labels.event }}",
        means="Memory with poison in it was used, could not be retired, or the device left the "
        "bus. What ran there is gone or wrong.",
        first=("Drain its replica.", "`nvidia-smi -q -i N` tells what the device asks for."),
        kinds=("gpu_fault",),
    )  # fmt: skip


def _xid(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral.GPU_XID_RATE.value.matching(xid=CONTAINED_XIDS), "> 0",
        name="GpuXidContained", severity="warning", hold="0s", keep="15m",
        summary="A GPU reported an error that it contained.",
        says="reported XID {{ $labels.xid }}",
        means="One process may have been ended; the device works on. It often comes before worse.",
        first=(
            "Look the code up in NVIDIA's XID Errors.",
            "See whether a reset is asked for (GpuResetNeeded).",
        ),
        kinds=("gpu_fault",),
    )  # fmt: skip


def _heat(section: RulesSection) -> Alert:
    limit = number(section.thresholds.gpu_thermal_share)
    return GPU.alert(
        section, neutral_hardware.GPU_THROTTLED.value.matching(reason=HEAT), f"> {limit}",
        name="GpuThrottledByHeat", severity="warning", hold="5m",
        summary="Heat holds a GPU's clocks down.",
        says="is held down by {{ $labels.reason }} {{ $value | humanizePercentage }} of the time",
        means="A cooled device never gets this hot: air, dust, a fan or the room.",
        first=(
            "Compare with its neighbours: all hot is the room, one hot is the device.",
            "Move load away until it is cooled.",
        ),
        kinds=("gpu_throttle",),
    )  # fmt: skip


def _brake(section: RulesSection) -> Alert:
    limit = number(section.thresholds.gpu_power_brake_share)
    return GPU.alert(
        section, neutral_hardware.GPU_THROTTLED.value.matching(reason=BRAKE), f"> {limit}",
        name="GpuPowerBrake", severity="warning", hold="5m",
        summary="The machine's power supply brakes a GPU.",
        says="is braked {{ $value | humanizePercentage }} of the time",
        means="The machine, not the device, asked for less power: a supply failed or is too small.",
        first=("Read the machine's BMC log; count its working power supplies.",),
        kinds=("gpu_throttle",),
    )  # fmt: skip


def _hot(section: RulesSection) -> Alert:
    limit = number(section.thresholds.gpu_temperature_margin)
    return GPU.alert(
        section, neutral_hardware.GPU_MARGIN.value, f"< {limit}",
        name="GpuHot", severity="warning", hold="10m",
        summary="A GPU is close to slowing itself down.",
        says=f"has {{{{ $value | humanize }}}} °C left at its {{{{ $labels.part }}}}; "
        f"{limit} °C is the least",
        means="At the limit the device lowers its clocks (GpuThrottledByHeat), far above it it "
        "turns itself off.",
        first=("Look at fans, inlet temperature and neighbours before the load grows.",),
        kinds=("gpu_throttle",),
    )  # fmt: skip


def _nvlink(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_hardware.NVLINKS_DOWN.value, "> 0",
        name="NvlinkDown", severity="warning", hold="5m",
        summary="NVLinks of a GPU went down.",
        says="lost {{ $value | humanize }} NVLinks",
        means="Traffic between GPUs takes fewer links or none: tensor parallelism slows or hangs.",
        first=("`nvidia-smi nvlink -s` on both ends.", "Drain, then reset both devices."),
        kinds=("gpu_fault", "network_delay"),
    )  # fmt: skip


def _fabric(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_hardware.FABRIC_PROBLEM.value, "== 1",
        name="FabricUnhealthy", severity="warning", hold="5m",
        summary="The NVLink fabric of a GPU is not healthy.",
        says="has a fabric problem: {{ $labels.problem }}",
        means="NVSwitches or the fabric manager limit what GPUs can send each other.",
        first=("Read the fabric manager's log.", "`nvidia-smi -q` on its neighbours."),
        kinds=("gpu_fault", "network_delay"),
    )  # fmt: skip


def _pcie_width(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_hardware.PCIE_WIDTH.value, "< 1",
        name="PcieLinkNarrow", severity="ticket", hold="15m",
        summary="A GPU's PCIe link runs on fewer lanes than it has.",
        says="uses {{ $value | humanizePercentage }} of its PCIe lanes",
        means="Loading weights, offloading the KV cache and copies to the host take longer.",
        first=("`lspci -vv` shows LnkSta against LnkCap.", "Reseat the board or its riser."),
        kinds=("gpu_fault", "storage_slow"),
    )  # fmt: skip


def _pcie_replays(section: RulesSection) -> Alert:
    limit = section.thresholds.pcie_replays_per_minute
    return GPU.alert(
        section, neutral_gpu.PCIE_REPLAY_RATE.value, f"* 60 > {number(limit)}",
        name="PcieReplays", severity="ticket", hold="15m",
        summary="A GPU's PCIe link sends packets again and again.",
        says=f"resends {{{{ $value | humanize }}}} PCIe packets a minute; {number(limit)} is the "
        "limit",
        means="The link works, but its signal is bad; errors that cannot be mended may follow.",
        first=("Reseat the board or its riser; look for AER messages in `dmesg`.",),
        kinds=("gpu_fault",),
    )  # fmt: skip


def _spare_rows(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_hardware.ROW_BANKS_SHORT.value, "> 0",
        name="GpuSpareRowsLow", severity="ticket", hold="1h",
        summary="A GPU's memory runs out of spare rows.",
        says="has {{ $value | humanize }} memory banks with few spare rows or none",
        means="The next bad row of such a bank cannot be replaced, and then the board must be.",
        first=("Plan its replacement.",),
        kinds=("gpu_fault",),
    )  # fmt: skip
