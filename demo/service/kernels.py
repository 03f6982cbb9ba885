"""The device of one replica: every forward pass runs here and takes the device's time.

The kernels are real. The device that they stand for is slower than the host's core: a pass takes
`LAUNCH_SECONDS` plus its floating-point work at `FLOPS_PER_SECOND` (never less than it really
took), and the engine's thread sleeps out the rest. So two devices at full load leave the host's
cores to the servers around them, and a busy host does not look like a slow device. A replica that
does its work badly is a larger `slowdown`; what befalls the GPU itself is the accelerator's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from demo.service.accelerator import Accelerator

LAUNCH_SECONDS = 0.001
FLOPS_PER_SECOND = 3.4e9
CATCH_UP_SECONDS = 0.02

Result = TypeVar("Result")


class Device:
    """Runs kernels one after another and counts the seconds in which one was running."""

    def __init__(self, speed: float = 1.0, accelerator: Accelerator | None = None) -> None:
        self.speed = speed
        self.accelerator = accelerator
        self.slowdown = 1.0
        self.compiled_at = 0.0
        self.eager_factor = 1.0
        self._busy = 0.0
        self._since: float | None = None
        self._due = 0.0

    def run(self, kernel: Callable[[], Result], flops: float) -> tuple[Result, float]:
        """Run one forward pass; its result and the seconds that it took on this device.

        Raises DeviceError when the device runs no more kernels.
        """
        self._since = called = time.perf_counter()
        try:
            result = kernel()
            really = time.perf_counter() - called
            nominal = (LAUNCH_SECONDS + flops / FLOPS_PER_SECOND) * self._factor(called)
            # Kernels queue up on a device: a host that wakes late does not make the device wait.
            begin, end = self._launch(called - CATCH_UP_SECONDS, nominal, really)
            time.sleep(max(0.0, end - time.perf_counter()))
            self._busy += end - begin
        finally:
            self._since = None
        return result, end - begin

    def busy_seconds(self) -> float:
        """Seconds with a kernel running since the start, the one that runs now included."""
        since = self._since
        return self._busy + (time.perf_counter() - since if since is not None else 0.0)

    def compile(self, seconds: float, eager_factor: float) -> None:
        """Begin to compile kernels in the background; passes are eager until that is done."""
        self.compiled_at = time.perf_counter() + seconds
        self.eager_factor = eager_factor

    def _factor(self, now: float) -> float:
        eager = self.eager_factor if now < self.compiled_at else 1.0
        return self.slowdown * eager / self.speed

    def _launch(self, submitted: float, nominal: float, really: float) -> tuple[float, float]:
        if self.accelerator:
            return self.accelerator.launch(submitted, nominal, really)
        begin = max(self._due, submitted)
        self._due = begin + max(nominal, really)
        return begin, self._due
