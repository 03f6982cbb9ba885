"""The only module that knows pynvml: calls in, base units out, errors sorted by what they mean.

Wrapped: nvidia-ml-py 13. A value that NVML marks as not available is None, never a number.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NewType

import pynvml

from exporters.catalog.gpu import CLOCK_DOMAINS, THROTTLE_REASONS
from exporters.errors import BusySignalError, ServerMissingError

Handle = NewType("Handle", object)
EventSet = NewType("EventSet", object)

SIMULATION_MARKER: Final = "busysignal_simulated_device"
"""A symbol that the simulated library exports and the driver's does not."""

_NOT_AVAILABLE: Final = (0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF)
_REASON_BITS: Final = {reason: 1 << bit for bit, reason in enumerate(THROTTLE_REASONS)}
_ERROR_NAMES: Final[dict[int, str]] = {
    value: name.removeprefix("NVML_ERROR_").lower()
    for name, value in vars(pynvml).items()
    if name.startswith("NVML_ERROR_")
}
_ABSENT: Final = (pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
_NO_DRIVER: Final = (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED)


class NvmlError(Exception):
    """An NVML call failed: `call` and `error` name them as NVML does."""

    def __init__(self, call: str, error: str) -> None:
        super().__init__(f"{call}: {error}")
        self.call = call
        self.error = error


class AbsentError(NvmlError):
    """The device or the driver does not have this."""


class GpuLostError(NvmlError):
    """The device fell off the bus."""


class Nvml:
    """A loaded and initialised NVML; close it when done."""

    def __init__(self, library: Path | None = None) -> None:
        """Load the driver's library, or the one at `library`.

        Raises ServerMissingError where there is no driver.
        """
        if library is not None:
            _use_library(library)
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            raise _cannot_start(error.value, library) from None
        self.simulated = _exports(SIMULATION_MARKER)
        self.driver_version = str(_call("nvmlSystemGetDriverVersion"))

    def close(self) -> None:
        """Let go of the driver."""
        pynvml.nvmlShutdown()

    def count(self) -> int:
        return int(_call("nvmlDeviceGetCount"))

    def handle(self, index: int) -> Handle:
        return Handle(_call("nvmlDeviceGetHandleByIndex", index))

    def uuid(self, handle: Handle) -> str:
        return str(_call("nvmlDeviceGetUUID", handle))

    def name(self, handle: Handle) -> str:
        return str(_call("nvmlDeviceGetName", handle))

    def utilization(self, handle: Handle) -> tuple[float | None, float | None]:
        """Shares of the last sample period: a kernel ran, memory was read or written."""
        rates = _call("nvmlDeviceGetUtilizationRates", handle)
        return _ratio(rates.gpu), _ratio(rates.memory)

    def memory(self, handle: Handle) -> tuple[float | None, float | None]:
        """Bytes used and bytes there are; what the driver keeps for itself is not used."""
        try:
            memory = _call("nvmlDeviceGetMemoryInfo", handle, version=pynvml.nvmlMemory_v2)
        except AbsentError:  # a driver before 510
            memory = _call("nvmlDeviceGetMemoryInfo", handle)
        return _number(memory.used), _number(memory.total)

    def power(self, handle: Handle) -> float | None:
        """Watts; a mean over one second on Ampere and later."""
        return _number(_call("nvmlDeviceGetPowerUsage", handle), scale=1e-3)

    def power_limit(self, handle: Handle) -> float | None:
        return _number(_call("nvmlDeviceGetEnforcedPowerLimit", handle), scale=1e-3)

    def energy(self, handle: Handle) -> float | None:
        """Joules since the driver was loaded."""
        return _number(_call("nvmlDeviceGetTotalEnergyConsumption", handle), scale=1e-3)

    def temperature(self, handle: Handle) -> float | None:
        return _number(_call("nvmlDeviceGetTemperature", handle, pynvml.NVML_TEMPERATURE_GPU))

    def clock(self, handle: Handle, domain: str) -> float | None:
        """Hertz now, of one of CLOCK_DOMAINS."""
        return _number(_call("nvmlDeviceGetClockInfo", handle, _clock(domain)), scale=1e6)

    def clock_max(self, handle: Handle, domain: str) -> float | None:
        """Hertz at most, of one of CLOCK_DOMAINS."""
        return _number(_call("nvmlDeviceGetMaxClockInfo", handle, _clock(domain)), scale=1e6)

    def throttle_reasons(self, handle: Handle) -> Mapping[str, bool] | None:
        """Every known reason, with whether it holds the clocks down now."""
        try:
            mask = _call("nvmlDeviceGetCurrentClocksEventReasons", handle)
        except AbsentError:  # the name before driver 535
            mask = _call("nvmlDeviceGetCurrentClocksThrottleReasons", handle)
        if mask in _NOT_AVAILABLE:
            return None
        return {reason: bool(mask & bit) for reason, bit in _REASON_BITS.items()}

    def event_set(self) -> EventSet:
        return EventSet(_call("nvmlEventSetCreate"))

    def free(self, events: EventSet) -> None:
        _call("nvmlEventSetFree", events)

    def listen_for_xids(self, handle: Handle, events: EventSet) -> None:
        _call("nvmlDeviceRegisterEvents", handle, pynvml.nvmlEventTypeXidCriticalError, events)

    def next_xid(self, events: EventSet, timeout_seconds: float) -> tuple[int, int] | None:
        """Wait for an XID: the device's address (see `address`) and the code, or None."""
        try:
            event = pynvml.nvmlEventSetWait_v2(events, int(timeout_seconds * 1000))
        except pynvml.NVMLError as error:
            if error.value == pynvml.NVML_ERROR_TIMEOUT:
                return None
            raise _translated("nvmlEventSetWait", error.value) from None
        return self.address(event.device), int(event.eventData)

    @staticmethod
    def address(handle: Any) -> int:
        """What makes two handles the same device: ctypes pointers compare by identity."""
        return ctypes.cast(handle, ctypes.c_void_p).value or 0


def _use_library(path: Path) -> None:
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ServerMissingError(
            f"NVML library {path} cannot be loaded ({error}); "
            "correct [gpu] nvml_library, or leave it out for the system's driver"
        ) from None
    # pynvml takes any library assigned here, and keeps functions of the one before in its cache.
    if library is not pynvml.nvmlLib:
        pynvml._nvmlGetFunctionPointer_cache.clear()  # noqa: SLF001 - it has no public reset
        pynvml.nvmlLib = library


def _cannot_start(code: int, library: Path | None) -> BusySignalError:
    if code in _NO_DRIVER:
        where = library or "libnvidia-ml.so.1"
        return ServerMissingError(
            f"no NVIDIA driver answers here ({where}: {_ERROR_NAMES[code]}); install the driver, "
            "name its library in [gpu] nvml_library, or simulate devices with --simulated"
        )
    return BusySignalError(
        f"NVML could not start: {_error_name(code)}; run nvidia-smi and read what it says"
    )


def _exports(symbol: str) -> bool:
    try:
        ctypes.c_int.in_dll(pynvml.nvmlLib, symbol)
    except ValueError:
        return False
    return True


def _call(name: str, *arguments: object, **options: object) -> Any:
    try:
        return getattr(pynvml, name)(*arguments, **options)
    except pynvml.NVMLError as error:
        raise _translated(name, error.value) from None


def _translated(call: str, code: int) -> NvmlError:
    if code in _ABSENT:
        return AbsentError(call, _error_name(code))
    if code == pynvml.NVML_ERROR_GPU_IS_LOST:
        return GpuLostError(call, _error_name(code))
    return NvmlError(call, _error_name(code))


def _error_name(code: int) -> str:
    return _ERROR_NAMES.get(code, f"code_{code}")


def _number(value: float, *, scale: float = 1.0) -> float | None:
    return None if value in _NOT_AVAILABLE else value * scale


def _ratio(percent: int) -> float | None:
    # Drivers have been seen to answer with garbage above 100: a wrong number is no number.
    return percent / 100 if percent <= 100 else None


def _clock(domain: str) -> int:
    return int(getattr(pynvml, f"NVML_CLOCK_{_CLOCK_NAMES[domain]}"))


_CLOCK_NAMES: Final = dict(zip(CLOCK_DOMAINS, ("GRAPHICS", "SM", "MEM", "VIDEO"), strict=True))
