"""A device in simulated time: kernels cost what the test says."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from inference_probe.cost import Cost
from inference_probe.device import Kind, Launch, Timing, Work
from inference_probe.kernels import Kernel
from inference_probe.state import DeviceState, UnknownState


@dataclass
class FakeDevice:
    """Passes simulated time while kernels run; also the timer that reads it."""

    launch_seconds: float = 1e-4
    now: float = 0.0
    contended: bool = False
    corrupt: bool = False
    launches: list[int] = field(default_factory=list)
    min_batch_seconds: float = 1e-3
    label: str = "cuda:0"
    name: str = "NVIDIA H100 80GB HBM3"
    uuid: str = "GPU-1"
    kind: Kind = "cuda"
    identity: str = "fake"
    torch_device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    state: DeviceState = field(default_factory=UnknownState)

    def kernel(self, name: str = "gemm_prefill", *, flops: float = 2e9) -> Kernel:
        def launch(turn: int) -> None:
            self.launches.append(turn)
            self.now += self.launch_seconds

        def fingerprint() -> float:
            return self.launches[-1] + (0.1 if self.corrupt else 0.0) + 1.0

        return Kernel(name, Cost(flops, 1e6), inputs=3, launch=launch, fingerprint=fingerprint)

    def run(self, launch: Launch, cost: Cost) -> None:
        launch()

    def time(self, work: Work) -> Timing:
        began = self.now
        work()
        seconds = self.now - began
        return Timing(seconds, busy_seconds=seconds, contended=self.contended)
