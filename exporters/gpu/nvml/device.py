"""Questions to one device, each one call, answered in base units; None where it has no value.

Wrapped: nvidia-ml-py 13 (nvml.h of the 580 to 615 drivers).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import pynvml

from exporters.catalog.gpu import CLOCK_DOMAINS, ENGINES, THROTTLE_REASONS
from exporters.gpu.nvml.errors import AbsentError
from exporters.gpu.nvml.library import UNSET, Handle, call, number, ratio, text

_REASON_BITS: Final = {reason: 1 << bit for bit, reason in enumerate(THROTTLE_REASONS)}
_CLOCKS: Final = dict(
    zip(
        CLOCK_DOMAINS,
        (
            pynvml.NVML_CLOCK_GRAPHICS,
            pynvml.NVML_CLOCK_SM,
            pynvml.NVML_CLOCK_MEM,
            pynvml.NVML_CLOCK_VIDEO,
        ),
        strict=True,
    )
)
_ENGINES: Final = dict(
    zip(
        ENGINES,
        (
            "nvmlDeviceGetEncoderUtilization",
            "nvmlDeviceGetDecoderUtilization",
            "nvmlDeviceGetJpgUtilization",
            "nvmlDeviceGetOfaUtilization",
        ),
        strict=True,
    )
)
_PSTATE_UNKNOWN: Final = 32
_LIMITS: Final = {
    "shutdown": pynvml.NVML_TEMPERATURE_THRESHOLD_SHUTDOWN,
    "slowdown": pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN,
    "memory_max": pynvml.NVML_TEMPERATURE_THRESHOLD_MEM_MAX,
    "gpu_max": pynvml.NVML_TEMPERATURE_THRESHOLD_GPU_MAX,
}


class Memory(NamedTuple):
    """Bytes; what the driver keeps for itself is reserved, not used."""

    used: float | None
    total: float | None
    free: float | None
    reserved: float | None = None


def uuid(handle: Handle) -> str:
    """`GPU-…`, or `MIG-…` of a MIG device."""
    return text(call("nvmlDeviceGetUUID", handle))


def name(handle: Handle) -> str:
    """The product, as NVIDIA names it."""
    return text(call("nvmlDeviceGetName", handle))


def pci_bus_id(handle: Handle) -> str:
    """Domain, bus, device and function."""
    return text(call("nvmlDeviceGetPciInfo", handle).busId)


def serial(handle: Handle) -> str:
    """The serial number printed on the board."""
    return text(call("nvmlDeviceGetSerial", handle))


def vbios(handle: Handle) -> str:
    """The version of the board's firmware."""
    return text(call("nvmlDeviceGetVbiosVersion", handle))


def utilization(handle: Handle) -> tuple[float | None, float | None]:
    """Shares of the last sample period: a kernel ran, memory was read or written."""
    rates = call("nvmlDeviceGetUtilizationRates", handle)
    return ratio(rates.gpu), ratio(rates.memory)


def engine(handle: Handle, kind: str) -> float | None:
    """Share of the sample period in which engines of one kind of ENGINES worked."""
    return ratio(call(_ENGINES[kind], handle)[0])


def memory(handle: Handle) -> Memory:
    """How the device's memory is used; drivers before 510 count what is reserved as used."""
    try:
        told = call("nvmlDeviceGetMemoryInfo", handle, version=pynvml.nvmlMemory_v2)
    except AbsentError:
        told = call("nvmlDeviceGetMemoryInfo", handle)
        return Memory(*map(number, (told.used, told.total, told.free)))
    return Memory(*map(number, (told.used, told.total, told.free, told.reserved)))


def bar1(handle: Handle) -> tuple[float | None, float | None]:
    """Bytes mapped for direct access, and bytes that can be."""
    told = call("nvmlDeviceGetBAR1MemoryInfo", handle)
    return number(told.bar1Used), number(told.bar1Total)


def power(handle: Handle) -> float | None:
    """Watts; a mean over one second on Ampere and later."""
    return number(call("nvmlDeviceGetPowerUsage", handle), 1e-3)


def power_limit(handle: Handle) -> float | None:
    """Watts that the device keeps to."""
    return number(call("nvmlDeviceGetEnforcedPowerLimit", handle), 1e-3)


def energy(handle: Handle) -> float | None:
    """Joules since the driver was loaded."""
    return number(call("nvmlDeviceGetTotalEnergyConsumption", handle), 1e-3)


def temperature(handle: Handle) -> float | None:
    """Degrees Celsius of the core."""
    return number(call("nvmlDeviceGetTemperature", handle, pynvml.NVML_TEMPERATURE_GPU))


def temperature_limit(handle: Handle, limit: str) -> float | None:
    """One of TEMPERATURE_LIMITS, in degrees Celsius."""
    return number(call("nvmlDeviceGetTemperatureThreshold", handle, _LIMITS[limit])) or None


def temperature_margin(handle: Handle) -> float | None:
    """Degrees left until the device slows itself down."""
    return number(call("nvmlDeviceGetMarginTemperature", handle))


def fan_speed(handle: Handle) -> float | None:
    """The intended speed over the highest."""
    return ratio(call("nvmlDeviceGetFanSpeed", handle))


def clock(handle: Handle, domain: str) -> float | None:
    """Hertz now, of one of CLOCK_DOMAINS."""
    return number(call("nvmlDeviceGetClockInfo", handle, _CLOCKS[domain]), 1e6)


def clock_max(handle: Handle, domain: str) -> float | None:
    """Hertz at most, of one of CLOCK_DOMAINS."""
    return number(call("nvmlDeviceGetMaxClockInfo", handle, _CLOCKS[domain]), 1e6)


def performance_state(handle: Handle) -> float | None:
    """0 (P0, highest) to 15."""
    state = call("nvmlDeviceGetPerformanceState", handle)
    return float(state) if state < _PSTATE_UNKNOWN else None


def throttle_reasons(handle: Handle) -> Mapping[str, bool] | None:
    """Every known reason, with whether it holds the clocks down now."""
    try:
        mask = call("nvmlDeviceGetCurrentClocksEventReasons", handle)
    except AbsentError:  # the name before driver 535
        mask = call("nvmlDeviceGetCurrentClocksThrottleReasons", handle)
    if mask in UNSET:
        return None
    return {reason: bool(mask & bit) for reason, bit in _REASON_BITS.items()}


def persistence_mode(handle: Handle) -> float | None:
    """1 while the driver keeps the device initialised without clients."""
    return number(call("nvmlDeviceGetPersistenceMode", handle))


def ecc_enabled(handle: Handle) -> float | None:
    """1 while ECC is on."""
    return number(call("nvmlDeviceGetEccMode", handle)[0])


def pcie_link(handle: Handle, question: str) -> float | None:
    """`Curr` or `Max`, then `PcieLinkGeneration` or `PcieLinkWidth`, as NVML spells them."""
    return number(call(f"nvmlDeviceGet{question}", handle)) or None


def pcie_replays(handle: Handle) -> float | None:
    """PCIe packets that had to be sent again."""
    return number(call("nvmlDeviceGetPcieReplayCounter", handle))
