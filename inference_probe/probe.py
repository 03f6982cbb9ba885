"""The probe's loop: sample every kernel, keep to the duty, know what is normal."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from inference_probe.baseline import Baseline
from inference_probe.timing import Bench, Sample

SLOWDOWN_SAMPLES: Final = 9
"""The slowdown is judged on the median of this many newest idle samples."""


@dataclass(frozen=True, slots=True)
class KernelReport:
    """One kernel so far: seconds per launch, rates at the median, counts since the start."""

    kernel: str
    p50: float
    p99: float
    flops_per_second: float | None
    bytes_per_second: float
    slowdown: float | None
    idle: int
    contended: int
    wrong: int


class KernelHistory:
    """The recent samples of one kernel, and counts of all of them."""

    def __init__(self, bench: Bench, window: int) -> None:
        self.bench = bench
        self.counts = {"idle": 0, "contended": 0}
        self.wrong = 0
        self._recent: deque[Sample] = deque(maxlen=window)

    def take(self) -> Sample:
        sample = self.bench.sample()
        self._recent.append(sample)
        self.counts["contended" if sample.contended else "idle"] += 1
        self.wrong += not sample.correct
        return sample

    def report(self, baseline: Baseline) -> KernelReport:
        kernel = self.bench.kernel
        times = sorted(sample.seconds for sample in self._recent)
        p50 = median(times)
        return KernelReport(
            kernel=kernel.name,
            p50=p50,
            p99=times[math.ceil(0.99 * len(times)) - 1],
            flops_per_second=kernel.cost.flops / p50 if kernel.cost.flops else None,
            bytes_per_second=kernel.cost.bytes / p50,
            slowdown=self._slowdown(baseline),
            idle=self.counts["idle"],
            contended=self.counts["contended"],
            wrong=self.wrong,
        )

    def _slowdown(self, baseline: Baseline) -> float | None:
        idle = [sample.seconds for sample in self._recent if not sample.contended]
        if len(idle) < SLOWDOWN_SAMPLES:
            return None  # contention is not slowness
        return baseline.slowdown(self.bench.kernel.name, median(idle[-SLOWDOWN_SAMPLES:]))


class Probe:
    """All kernels of one device, sampled in rounds."""

    def __init__(self, benches: Sequence[Bench], baseline: Baseline, *, window: int = 100) -> None:
        self._histories = [KernelHistory(bench, window) for bench in benches]
        self._baseline = baseline
        self.busy_seconds = sum(bench.warm_up_seconds for bench in benches)

    def round(self) -> float:
        """Sample every kernel once; return how long that kept the device busy."""
        busy = 0.0
        for history in self._histories:
            sample = history.take()
            busy += sample.busy_seconds
            if sample.correct and not sample.contended:
                self._baseline.learn(history.bench.kernel.name, sample.seconds)
        self.busy_seconds += busy
        return busy

    def report(self) -> list[KernelReport]:
        """What is known after at least one round."""
        return [history.report(self._baseline) for history in self._histories]


def run(
    probe: Probe,
    *,
    interval_seconds: float,
    duty_ratio: float,
    after_round: Callable[[], object],
    stop: threading.Event,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], object] | None = None,
) -> None:
    """Round after round until `stop`, never more than `duty_ratio` of the time on the device."""
    pause = wait or stop.wait
    while not stop.is_set():
        began = clock()
        busy = probe.round()
        after_round()
        period = max(interval_seconds, busy / duty_ratio)
        pause(max(period - (clock() - began), 0.0))
