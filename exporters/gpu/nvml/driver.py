"""The driver: taken up, enumerated, taken up again, let go."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import pynvml

from exporters.errors import BusySignalError, ServerMissingError
from exporters.gpu.nvml import device
from exporters.gpu.nvml.errors import (
    NO_DRIVER,
    VERSION_MISMATCH,
    DriverChangedError,
    DriverGoneError,
    name_of,
)
from exporters.gpu.nvml.library import Handle, call, exports, text, use

SIMULATION_MARKER: Final = "busysignal_simulated_device"
"""A symbol that the simulated library exports and the driver's does not."""


class Nvml:
    """A loaded and initialised NVML; close it when done.

    The questions most asked stand here as methods; the others are functions of this package. NVML
    is one per process, so all of them speak to the library that was loaded last.
    """

    def __init__(self, library: Path | None = None) -> None:
        """Load the driver's library, or the one at `library`.

        Raises ServerMissingError where there is no driver, DriverChangedError where library and
        kernel module differ.
        """
        self._library = library
        if library is not None:
            use(library)
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            raise _cannot_start(error.value, library) from None
        self.simulated = exports(SIMULATION_MARKER)
        self.driver_version = text(call("nvmlSystemGetDriverVersion"))

    def close(self) -> None:
        """Let go of the driver."""
        with contextlib.suppress(pynvml.NVMLError):  # of one that is gone
            pynvml.nvmlShutdown()

    def reload(self) -> None:
        """Let go of the driver and take it up again; no handle from before may be used after.

        Raises DriverGoneError while there is none, DriverChangedError when only a new process can
        speak to it: the library stays mapped, so a newer one cannot be loaded.
        """
        self.close()
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            if error.value == VERSION_MISMATCH:
                raise _cannot_start(error.value, self._library) from None
            raise DriverGoneError("nvmlInit", name_of(error.value)) from None
        self.driver_version = text(call("nvmlSystemGetDriverVersion"))

    def count(self) -> int:
        return int(call("nvmlDeviceGetCount"))

    def handle(self, index: int) -> Handle:
        return Handle(call("nvmlDeviceGetHandleByIndex", index))

    uuid = staticmethod(device.uuid)
    name = staticmethod(device.name)
    utilization = staticmethod(device.utilization)
    memory = staticmethod(device.memory)
    power = staticmethod(device.power)
    power_limit = staticmethod(device.power_limit)
    energy = staticmethod(device.energy)
    temperature = staticmethod(device.temperature)
    clock = staticmethod(device.clock)
    clock_max = staticmethod(device.clock_max)
    throttle_reasons = staticmethod(device.throttle_reasons)


def _cannot_start(code: int, library: Path | None) -> BusySignalError:
    if code in NO_DRIVER:
        where = library or "libnvidia-ml.so.1"
        return ServerMissingError(
            f"no NVIDIA driver answers here ({where}: {name_of(code)}); install the driver, "
            "or name its library in [gpu] nvml_library"
        )
    if code == VERSION_MISMATCH:
        return DriverChangedError(
            "the driver's library and its kernel module differ in version "
            f"({name_of(code)}); start this exporter again, and if it says so again, "
            "reload the kernel module or reboot"
        )
    return BusySignalError(
        f"NVML could not start: {name_of(code)}; run nvidia-smi and read what it says"
    )
