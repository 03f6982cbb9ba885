"""One simulated GPU as those meet it who launch kernels on it: the replica and the probe."""

from __future__ import annotations

from pathlib import Path

from demo.device import SimulatedGpu
from demo.service.timeline import Timeline


class DeviceError(RuntimeError):
    """The device runs no more kernels for this process."""


class Accelerator:
    """Runs kernels at the speed that its clocks and its kernel library allow, whoever launches."""

    def __init__(self, gpu: SimulatedGpu, timeline: Timeline) -> None:
        self.gpu, self.timeline = gpu, timeline

    @classmethod
    def create(cls, state: Path, count: int, *, seed: int = 0) -> None:
        """Write the state of `count` healthy devices: what NVML tells, and their time."""
        Timeline.create(_timeline_of(state), count)
        SimulatedGpu.create(state, count, seed=seed)

    @classmethod
    def attach(cls, state: Path, index: int) -> Accelerator:
        """Open device `index` of `state`, from any process."""
        gpu = SimulatedGpu.attach(state, index)
        return cls(gpu, Timeline.attach(_timeline_of(state), index))

    @classmethod
    def all(cls, state: Path) -> list[Accelerator]:
        """Open every device of `state`."""
        return [cls.attach(state, index) for index in range(Timeline.count(_timeline_of(state)))]

    def launch(
        self, submitted: float, nominal: float, at_least: float = 0.0
    ) -> tuple[float, float]:
        """Run a pass that takes `nominal` seconds at full clocks, once the device is free.

        Begin and end are on the device's clock. `at_least` is what the host needed to compute the
        result. Raises DeviceError when the device or its contexts are dead.
        """
        return self.timeline.occupy(submitted, max(self._seconds(nominal), at_least))

    def interleave(
        self, submitted: float, nominal: float, at_least: float = 0.0
    ) -> tuple[float, float]:
        """Run a short batch between the kernels of whatever pass is under way; else the same."""
        return self.timeline.interleave(submitted, max(self._seconds(nominal), at_least))

    def _seconds(self, nominal: float) -> float:
        if self.gpu.is_lost or self.timeline.broken:
            raise DeviceError(f"GPU {self.gpu.index}: unspecified launch failure")
        return nominal * self.timeline.kernel_time / self.gpu.clock_ratio

    def heal(self) -> None:
        """Make the device new: clocks, kernels, contexts."""
        self.gpu.heal()
        self.timeline.reset()


def _timeline_of(state: Path) -> Path:
    return state.with_name(state.name + ".timeline")
