"""The device of one replica: every forward pass runs here and takes the device's time.

The kernels are real. The device that they stand for is slower than the host's core: a pass takes
`LAUNCH_SECONDS` plus its floating-point work at `FLOPS_PER_SECOND` (never less than it really
took), and the engine's thread sleeps out the rest. So two devices at full load leave the host's
cores to the servers around them, and a busy host does not look like a slow device. A slower
device is a larger factor, and clocks held down are a smaller one, nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

LAUNCH_SECONDS = 0.001
FLOPS_PER_SECOND = 3.4e9
CATCH_UP_SECONDS = 0.02

Result = TypeVar("Result")


class Device:
    """Runs kernels one after another and counts the seconds in which one was running."""

    def __init__(self, speed: float = 1.0, clock: Callable[[], float] = lambda: 1.0) -> None:
        self.speed = speed
        self.clock = clock  # share of the device's highest clocks
        self.slowdown = 1.0
        self._busy = 0.0
        self._since: float | None = None
        self._due = 0.0

    def run(self, kernel: Callable[[], Result], flops: float) -> tuple[Result, float]:
        """Run one forward pass; its result and the seconds that it took on this device."""
        self._since = called = time.perf_counter()
        # Kernels queue up on a device: a host that wakes late does not make the device wait.
        started = max(self._due, called - CATCH_UP_SECONDS)
        result = kernel()
        really = time.perf_counter() - called
        nominal = LAUNCH_SECONDS + flops / FLOPS_PER_SECOND
        seconds = max(nominal * self.slowdown / (self.speed * self.clock()), really)
        self._due = started + seconds
        time.sleep(max(0.0, self._due - time.perf_counter()))
        self._busy += seconds
        self._since = None
        return result, seconds

    def busy_seconds(self) -> float:
        """Seconds with a kernel running since the start, the one that runs now included."""
        since = self._since
        return self._busy + (time.perf_counter() - since if since is not None else 0.0)
