"""The probe's view of the simulated GPUs: its kernels run there between the replicas'.

The host computes each kernel's real result, which the probe checks. Its time is the device's: a
roofline over the known cost, run by the same accelerator that runs the replica's passes. A batch
is timed between two readings of the device's clock, as CUDA events are; the probe knows neither
clocks nor kernel library, and a host that is late changes nothing.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import torch

from demo.device import STATE_VARIABLE
from demo.service.accelerator import Accelerator
from demo.service.kernels import FLOPS_PER_SECOND
from exporters.errors import UsageError
from inference_probe.cost import Cost
from inference_probe.device import HostDevice, Launch, Timing, Work
from inference_probe.peaks import Peak

LAUNCH_SECONDS = 2e-5
"""Of one kernel; a forward pass is dozens of them."""
PEAK_FLOPS_PER_SECOND = 10 * FLOPS_PER_SECOND
"""Of a bare kernel; a whole forward pass gets a tenth of it, as serving engines do."""
BYTES_PER_SECOND = 4e9
DATASHEET = Peak(
    source="this file: the roofline that every simulated GPU is timed by",
    flops={"fp32": PEAK_FLOPS_PER_SECOND},
    memory=BYTES_PER_SECOND,
    processors=132,
    memory_gb=80,
)


class SimulatedDevice(HostDevice):
    """One simulated GPU."""

    peak = DATASHEET

    def __init__(self, accelerator: Accelerator) -> None:
        gpu = accelerator.gpu
        super().__init__(label=f"sim:{gpu.index}", name="simulated GPU", uuid=gpu.uuid, run=_host)
        self.accelerator = accelerator
        self._arithmetic = self._memory = 0.0

    def run(self, launch: Launch, cost: Cost) -> None:
        """Put one launch on the device; `time` waits for all of them."""
        self._arithmetic += LAUNCH_SECONDS + cost.flops / PEAK_FLOPS_PER_SECOND
        self._memory += cost.bytes / BYTES_PER_SECOND
        launch()

    def time(self, work: Work) -> Timing:
        """Run the launches of `work` as one batch. Raises DeviceError when the device is dead."""
        self._arithmetic = self._memory = 0.0
        submitted = time.perf_counter()
        work()
        # Higher clocks or better kernels do not make the memory faster.
        begin, end = self.accelerator.interleave(submitted, self._arithmetic, at_least=self._memory)
        time.sleep(max(0.0, end - time.perf_counter()))
        return Timing(end - begin, busy_seconds=end - begin, contended=False)


def simulated_gpus() -> list[HostDevice]:
    """Every GPU of the state file that `BUSYSIGNAL_DEVICE_STATE` names."""
    path = os.environ.get(STATE_VARIABLE)
    if not path:
        raise UsageError(f"{STATE_VARIABLE} is not set; give the device state file of the demo")
    torch.set_num_threads(1)
    return [SimulatedDevice(one) for one in Accelerator.all(Path(path))]


def _host(launch: Launch, cost: Cost) -> None:
    launch()
