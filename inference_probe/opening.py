"""Which devices the probe runs on: chosen by name, or made by a function of yours."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Final

import torch

from exporters.errors import UsageError
from inference_probe.cuda import CudaDevice
from inference_probe.device import Device, HostDevice, cpu_device
from inference_probe.nvml import driver_version, state_of

BUILT_IN: Final = ("auto", "cpu", "cuda")


def open_devices(wanted: str) -> list[Device]:
    """Prepare `wanted`: auto, cpu, cuda (every GPU), cuda:N, or module:factory.

    A factory takes nothing and returns the devices. Raises UsageError for what is not there.
    """
    family, _, part = wanted.partition(":")
    if family not in BUILT_IN:
        return _made_by(family, part)
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return [cpu_device()]
    if not torch.cuda.is_available():
        raise UsageError(
            f"[probe] device = {wanted!r}, but torch sees no GPU here; "
            "install torch with CUDA and a driver, or set device to auto or cpu"
        )
    count = torch.cuda.device_count()
    chosen = [int(part)] if part else list(range(count))
    if chosen[-1] >= count:
        raise UsageError(f"[probe] device = {wanted!r}; allowed are cuda:0 to cuda:{count - 1}")
    return [_cuda(index) for index in chosen]


def _cuda(index: int) -> CudaDevice:
    uuid = f"GPU-{torch.cuda.get_device_properties(index).uuid}"
    return CudaDevice(index, driver_version(), state_of(uuid))


def _made_by(module: str, factory: str) -> list[Device]:
    where = f"[probe] device = '{module}:{factory}'"
    try:
        made = getattr(import_module(module), factory)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"{where}: {error}; name a module on the import path and a function in it"
        ) from None
    devices: Sequence[Device] = made()
    if not devices or not all(isinstance(one, HostDevice | CudaDevice) for one in devices):
        raise UsageError(
            f"{where} returned {devices!r}; it must return a list of HostDevice or CudaDevice"
        )
    return list(devices)
