"""A simulated GPU that tells the probe of itself what a real one does: load, clocks, memory."""

from __future__ import annotations

import gc
import os
from dataclasses import replace
from pathlib import Path

import torch

from demo.device import SimulatedGpu
from demo.probe_device import SimulatedDevice, simulated_gpus
from exporters.gpu.nvml import Nvml
from inference_probe.device import HostDevice, Timing, Work
from inference_probe.nvml import NvmlState
from inference_probe.state import Reading

LIBRARY_VARIABLE = "BUSYSIGNAL__GPU__NVML_LIBRARY"


class TellingState:
    """Its load as NVML tells it, and the clocks at which kernels run on it.

    The simulated NVML lowers an idle device's clocks, as drivers do; its kernels do not slow.
    """

    def __init__(self, gpu: SimulatedGpu, nvml: Nvml) -> None:
        self._gpu, self._nvml = gpu, NvmlState(nvml, nvml.handle(gpu.index))

    def read(self) -> Reading:
        return Reading(self._nvml.read().utilization, self._gpu.clock_ratio)


class TellingDevice(SimulatedDevice):
    """One simulated GPU that says how busy it is."""

    def __init__(self, other: SimulatedDevice, nvml: Nvml) -> None:
        super().__init__(other.accelerator)
        self.state = TellingState(other.accelerator.gpu, nvml)
        self._held: int | None = None

    def time(self, work: Work) -> Timing:
        """Run a batch, and say whether the replica used the device as well."""
        shared = self.state.read().is_busy
        return replace(super().time(work), contended=shared)

    def memory_bytes(self) -> int:
        """What this process's tensors take; they are made once, before the first sample."""
        if self._held is None:
            tensors = [one for one in gc.get_objects() if torch.is_tensor(one)]
            storages = {one.untyped_storage().data_ptr(): one.untyped_storage() for one in tensors}
            self._held = sum(storage.nbytes() for storage in storages.values())
        return self._held


def first_gpu() -> list[HostDevice]:
    """The first GPU of the state file that the environment names."""
    library = os.environ.get(LIBRARY_VARIABLE)
    device = simulated_gpus()[0]
    assert isinstance(device, SimulatedDevice)
    return [TellingDevice(device, Nvml(Path(library) if library else None))]
