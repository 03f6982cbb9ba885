"""MIG: the instances a device is cut into, as NVML names them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pynvml

from exporters.gpu.nvml import device
from exporters.gpu.nvml.errors import AbsentError, NvmlError
from exporters.gpu.nvml.library import Handle, call

_NO_INSTANCE: Final = ("not_found", "invalid_argument")


@dataclass(frozen=True, slots=True)
class MigDevice:
    """A compute instance in a GPU instance: what CUDA takes for a device."""

    handle: Handle
    uuid: str
    gpu_instance: int
    compute_instance: int
    profile: str


def is_enabled(handle: Handle) -> bool:
    """Whether the device is cut into instances; raises AbsentError for one that cannot be."""
    current, _ = call("nvmlDeviceGetMigMode", handle)
    return bool(current == pynvml.NVML_DEVICE_MIG_ENABLE)


def instances(handle: Handle) -> Iterator[MigDevice]:
    """The MIG devices there are now; instances that nobody could use (no compute) are not."""
    for index in range(call("nvmlDeviceGetMaxMigDeviceCount", handle)):
        try:
            found = Handle(call("nvmlDeviceGetMigDeviceHandleByIndex", handle, index))
        except NvmlError as error:
            if error.error in _NO_INSTANCE:
                continue
            raise
        yield MigDevice(
            handle=found,
            uuid=device.uuid(found),
            gpu_instance=call("nvmlDeviceGetGpuInstanceId", found),
            compute_instance=call("nvmlDeviceGetComputeInstanceId", found),
            profile=_profile(found),
        )


def _profile(handle: Handle) -> str:
    """`1g.10gb`, from the name or the attributes; empty where the driver tells neither."""
    try:
        words = device.name(handle).split("MIG ")
        if len(words) > 1:
            return words[-1]
        told = call("nvmlDeviceGetAttributes", handle)
    except AbsentError:
        return ""
    memory = (told.memorySizeMB + 1023) // 1024
    return f"{told.gpuInstanceSliceCount}g.{memory}gb"
