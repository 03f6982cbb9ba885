"""The device the probe runs on: chosen, identified, prepared for timing."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from exporters.errors import BusySignalError, UsageError
from exporters.gpu.nvml import Nvml, NvmlError
from inference_probe.timing import CudaTimer, HostTimer, IsBusy, Timer

BUSY_RATIO: Final = 0.05
"""Utilisation from which a GPU is shared with other work while the probe runs."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where kernels run: short name for labels, full identity for the baseline, how to time."""

    label: str
    name: str
    identity: str
    device: torch.device
    dtype: torch.dtype
    timer: Timer


def open_device(wanted: str) -> Surroundings:
    """Prepare `wanted`: auto, cpu, cuda or cuda:N.

    Raises UsageError for a device that is not there.
    """
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return _cpu()
    if not torch.cuda.is_available():
        raise UsageError(
            f"[probe] device = {wanted!r}, but torch sees no GPU here; "
            "install torch with CUDA and a driver, or set device to auto or cpu"
        )
    _, _, index = wanted.partition(":")
    count = torch.cuda.device_count()
    if int(index or 0) >= count:
        raise UsageError(f"[probe] device = {wanted!r}; allowed are cuda:0 to cuda:{count - 1}")
    return _cuda(int(index or 0))


def _cpu() -> Surroundings:
    # One thread: the kernels are small, and the service keeps the other cores.
    torch.set_num_threads(1)
    name = _cpu_name()
    return Surroundings(
        label="cpu",
        name=name,
        identity=f"{name}, torch {torch.__version__}",
        device=torch.device("cpu"),
        dtype=torch.float32,
        timer=HostTimer(),
    )


def _cuda(index: int) -> Surroundings:
    device = torch.device("cuda", index)
    torch.cuda.set_device(device)
    properties = torch.cuda.get_device_properties(device)
    uuid = f"GPU-{properties.uuid}"
    nvml = _nvml()
    driver = nvml.driver_version if nvml else "unknown"
    return Surroundings(
        label=f"cuda:{index}",
        name=properties.name,
        identity=f"{properties.name} {uuid}, driver {driver}, torch {torch.__version__}",
        device=device,
        dtype=torch.bfloat16,
        timer=CudaTimer(device, _watch_utilization(nvml, uuid)),
    )


def _nvml() -> Nvml | None:
    try:
        return Nvml()
    except BusySignalError:
        return None


def _watch_utilization(nvml: Nvml | None, uuid: str) -> IsBusy:
    """Whether other work runs on the device; where NVML cannot say, it is assumed to."""

    def is_busy() -> bool:
        if nvml is None:
            return True
        try:
            handle = next(
                handle
                for handle in map(nvml.handle, range(nvml.count()))
                if nvml.uuid(handle) == uuid
            )
            used, _ = nvml.utilization(handle)
        except (NvmlError, StopIteration):
            return True
        return used is None or used > BUSY_RATIO

    return is_busy


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
