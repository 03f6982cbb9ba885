"""A device in simulated time: kernels cost what the test says."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from inference_probe.baseline import Baseline
from inference_probe.cost import Cost
from inference_probe.device import Kind, Launch, Timing, Work
from inference_probe.history import KernelHistory
from inference_probe.kernels import Kernel
from inference_probe.pacing import Pacer
from inference_probe.probe import Probe
from inference_probe.sharing import Sharing
from inference_probe.state import DeviceState, UnknownState
from inference_probe.timing import Bench


@dataclass
class FakeDevice:
    """Passes simulated time while kernels run; also the timer that reads it."""

    launch_seconds: float = 1e-4
    now: float = 0.0
    contended: bool = False
    corrupt: bool = False
    launches: list[int] = field(default_factory=list)
    passed: list[float] = field(default_factory=list)
    """Seconds of every timed piece of work."""
    stall: float = 0.0
    """The next timed work takes this much longer, once."""
    captures: int = 0
    min_batch_seconds: float = 1e-3
    label: str = "cuda:0"
    name: str = "NVIDIA H100 80GB HBM3"
    uuid: str = "GPU-1"
    kind: Kind = "simulated"
    identity: str = "fake"
    torch_device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    state: DeviceState = field(default_factory=UnknownState)
    sharing: Sharing = field(default_factory=Sharing)
    cache_bytes: int = 0

    def kernel(self, name: str = "gemm_prefill", *, flops: float = 2e9) -> Kernel:
        def launch(turn: int) -> None:
            self.launches.append(turn)
            self.now += self.launch_seconds

        def checksum() -> int:
            return 10 * self.launches[-1] + self.corrupt

        return Kernel(
            name=name,
            cost=Cost(flops, 1e6),
            bound="compute",
            inputs=3,
            launch=launch,
            checksum=checksum,
            precision="bf16",
        )

    def run(self, launch: Launch, cost: Cost) -> None:
        launch()

    def capture(self, work: Work) -> Work | None:
        if self.captures < 0:
            return None
        self.captures += 1
        before = len(self.launches)
        work()
        captured = self.launches[before:]

        def replay() -> None:
            self.launches += captured
            self.now += len(captured) * self.launch_seconds

        return replay

    def memory_bytes(self) -> int | None:
        return None

    def time(self, work: Work) -> Timing:
        began = self.now
        work()
        self.now, self.stall = self.now + self.stall, 0.0
        self.passed.append(self.now - began)
        return Timing(self.passed[-1], busy_seconds=self.passed[-1], contended=self.contended)


def probe_on(device: FakeDevice, path: Path, **options: Any) -> Probe:
    """A probe of one kernel on `device` with a baseline of 20 samples below `path`.

    Options: `window` of samples, `interval_seconds`, `duty_ratio`, `kernel`, and those of Probe.
    """
    baseline = Baseline(path / "baseline.json", "fake", samples=20)
    bench = Bench(options.pop("kernel", None) or device.kernel(), device)
    history = KernelHistory(bench, baseline, options.pop("window", 100), options.pop("peak", None))
    pacer = Pacer(options.pop("interval_seconds", 1.0), options.pop("duty_ratio", 0.01))
    return Probe(device, [history], pacer, **options)
