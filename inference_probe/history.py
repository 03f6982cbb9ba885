"""The recent samples of one kernel, counts of all of them, and the verdict on it."""

from __future__ import annotations

import math
from collections import deque
from statistics import median
from typing import Final

from inference_probe.baseline import Baseline
from inference_probe.detector import Detector
from inference_probe.peaks import Peak, fraction
from inference_probe.report import KernelReport
from inference_probe.state import Reading
from inference_probe.timing import Bench, Sample

RATIO_SAMPLES: Final = 9
"""Ratios are those of the median of this many newest samples."""


class KernelHistory:
    """One kernel on one device, from sample to sample."""

    def __init__(
        self, bench: Bench, baseline: Baseline, window: int, peak: Peak | None = None
    ) -> None:
        self.bench = bench
        self.counts = {"idle": 0, "contended": 0}
        self.wrong = 0
        self._baseline = baseline
        self._peak = peak
        self._detector = Detector()
        self._recent: deque[Sample] = deque(maxlen=window)

    @property
    def name(self) -> str:
        return self.bench.kernel.name

    @property
    def is_known(self) -> bool:
        """Whether there is a sample yet."""
        return bool(self._recent)

    def take(self, before: Reading) -> Sample:
        """Sample the kernel once, and learn from it."""
        sample = self.bench.sample(before)
        self._recent.append(sample)
        self.counts["contended" if sample.contended else "idle"] += 1
        self.wrong += sample.correct is False
        if not sample.contended:
            self._judge(sample)
        return sample

    def report(self) -> KernelReport:
        kernel = self.bench.kernel
        times = sorted(sample.seconds for sample in self._recent)
        p50 = median(times)
        normal = self._baseline.normal(self.name, self._recent[-1].clocks)
        return KernelReport(
            kernel=kernel.name,
            bound=kernel.bound,
            p50=p50,
            p99=times[math.ceil(0.99 * len(times)) - 1],
            flops_per_second=_rate(kernel.cost.flops, p50),
            bytes_per_second=_rate(kernel.cost.bytes, p50),
            peak_fraction=fraction(kernel, p50, self._peak),
            baseline=normal.seconds if normal else None,
            slowdown=self._ratio(contended=False),
            contention=self._ratio(contended=True),
            is_slow=self._detector.verdict(normal),
            idle=self.counts["idle"],
            contended=self.counts["contended"],
            wrong=self.wrong,
        )

    def _judge(self, sample: Sample) -> None:
        """Weigh an idle sample against what is normal, or let it teach what that is."""
        normal = self._baseline.normal(self.name, sample.clocks)
        if normal:
            self._detector.take(sample.seconds, normal)
        elif sample.correct is not False:
            self._baseline.learn(self.name, sample.seconds, sample.clocks)

    def _ratio(self, *, contended: bool) -> float | None:
        alike = [sample for sample in self._recent if sample.contended == contended]
        if len(alike) < RATIO_SAMPLES:
            return None
        ratios = [
            self._baseline.slowdown(self.name, sample.seconds, sample.clocks)
            for sample in alike[-RATIO_SAMPLES:]
        ]
        known = [ratio for ratio in ratios if ratio is not None]
        return median(known) if len(known) == RATIO_SAMPLES else None


def _rate(amount: float, seconds: float) -> float | None:
    """Amount a second; None where there is no amount, or the clock did not see the time pass."""
    return amount / seconds if amount and seconds > 0 else None
