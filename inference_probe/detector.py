"""Says when a kernel has become slower than it was: a one-sided CUSUM over log ratios.

Each idle sample is the logarithm of its time over the baseline. Its evidence is the log-likelihood
ratio of a 5 % slowdown against none under normal noise, held within ±`CLIP` so that no single
sample decides, whatever its tail. The evidence is summed and never falls below zero (Page 1954,
"Continuous inspection schemes"); a sum above `THRESHOLD` is a slowdown, until it is back at zero.

`THRESHOLD` comes from simulation (`python -m benchmarks.probe_detector`, figures in
`docs/benchmarks/probe_detector.md`): at one idle sample every 10 s, after a baseline of 60 samples,
fewer than 1e-4 false alarms per kernel and hour for every kind of noise tried there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np

SHIFT: Final = math.log(1.05)
"""The slowdown that must be found."""
CLIP: Final = 3.0
THRESHOLD: Final = 26.0
CEILING: Final = THRESHOLD + 4 * CLIP
"""The sum stops here, so that a recovery is seen within a few samples."""
LEAST_NOISE: Final = 0.01
"""A quieter kernel is treated as this noisy: small lasting drifts are no fault."""
MOST_NOISE: Final = 0.025
"""Estimated noise above which a slowdown of 5 % cannot be told within 10 minutes."""
MARGIN: Final = 1.2
"""Noise estimated from n samples is raised by MARGIN over the root of n: too low is worse."""


@dataclass(frozen=True, slots=True)
class Normal:
    """What is normal for one kernel: seconds per launch, relative noise, samples behind it."""

    seconds: float
    noise: float
    samples: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Normal:
        """The median, and the noise by the median absolute deviation of logarithms."""
        middle = median(seconds)
        deviations = [abs(math.log(one / middle)) for one in seconds]
        return cls(middle, float(estimated_noise(median(deviations), len(seconds))), len(seconds))


def estimated_noise(deviation: Any, samples: int) -> Any:
    """Standard deviation from a median absolute deviation; numbers or arrays of them."""
    return np.maximum(LEAST_NOISE, 1.4826 * deviation * (1 + MARGIN / math.sqrt(samples)))


def evidence(log_ratio: Any, noise: Any) -> Any:
    """What one sample says for a slowdown (above zero) or against; numbers or arrays of them."""
    return np.clip(SHIFT / noise**2 * (log_ratio - SHIFT / 2), -CLIP, CLIP)


class Detector:
    """Follows one kernel from sample to sample."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._slow = False

    def take(self, seconds: float, normal: Normal) -> None:
        """Weigh one idle sample against what is normal."""
        if normal.noise > MOST_NOISE or seconds <= 0:
            self._sum, self._slow = 0.0, False
            return
        step = float(evidence(math.log(seconds / normal.seconds), normal.noise))
        self._sum = min(max(self._sum + step, 0.0), CEILING)
        if self._sum >= THRESHOLD:
            self._slow = True
        elif self._sum == 0.0:
            self._slow = False

    def verdict(self, normal: Normal | None) -> bool | None:
        """Whether the kernel is slower than normal; None while that cannot be told."""
        if normal is None or normal.noise > MOST_NOISE:
            return None
        return self._slow
