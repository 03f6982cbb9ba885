"""What a failed NVML call means: not to be had, refused, lost, gone, or an error."""

from __future__ import annotations

from typing import Final

import pynvml

from exporters.errors import BusySignalError

NAMES: Final[dict[int, str]] = {pynvml.NVML_SUCCESS: "success"} | {
    value: name.removeprefix("NVML_ERROR_").lower()
    for name, value in vars(pynvml).items()
    if name.startswith("NVML_ERROR_")
}
NO_DRIVER: Final = (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
VERSION_MISMATCH: Final = pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH


class NvmlError(Exception):
    """An NVML call failed: `call` and `error` name them as NVML does."""

    def __init__(self, call: str, error: str) -> None:
        super().__init__(f"{call}: {error}")
        self.call = call
        self.error = error


class AbsentError(NvmlError):
    """The device or the driver does not have this."""


class DeniedError(NvmlError):
    """This user may not ask for it."""


class GpuLostError(NvmlError):
    """The device fell off the bus."""


class DriverGoneError(NvmlError):
    """The driver was unloaded, or this process is not connected to it any more."""


class DriverChangedError(BusySignalError):
    """The loaded library and the kernel's driver differ in version: only a new process helps."""


_MEANINGS: Final[dict[int, type[NvmlError]]] = {
    pynvml.NVML_ERROR_NOT_SUPPORTED: AbsentError,
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: AbsentError,
    pynvml.NVML_ERROR_DEPRECATED: AbsentError,
    pynvml.NVML_ERROR_VGPU_ECC_NOT_SUPPORTED: AbsentError,
    # A driver older than this exporter does not know the newest structures.
    pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH: AbsentError,
    pynvml.NVML_ERROR_NO_PERMISSION: DeniedError,
    pynvml.NVML_ERROR_GPU_IS_LOST: GpuLostError,
    pynvml.NVML_ERROR_UNINITIALIZED: DriverGoneError,
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: DriverGoneError,
    VERSION_MISMATCH: DriverGoneError,
}


def translated(call: str, code: int) -> NvmlError:
    """The error that NVML's return `code` from `call` means."""
    return _MEANINGS.get(code, NvmlError)(call, name_of(code))


def name_of(code: int) -> str:
    """NVML's name of a return code, without what all of them begin with."""
    return NAMES.get(code, f"code_{code}")
