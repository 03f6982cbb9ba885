"""When requests arrive: a Poisson process whose rate wanders as it does in the public traces."""

from __future__ import annotations

import json
import math
from collections.abc import Generator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from demo.incidents.kernel import Event, Kernel

TRAFFIC = Path(__file__).with_name("traffic.json")
SLICE_SECONDS = 1.0
FAST_SECONDS = 5.0
"""How long the fast part of the rate remembers."""
USUAL = 1.645
"""Standard deviations of the log rate beyond which a peak is cut: one moment in twenty.

Such a peak is a traffic burst of its own, which no truth would tell of.
"""


@cache
def fitted() -> dict[str, Any]:
    """The constants of `traffic.json`."""
    constants: dict[str, Any] = json.loads(TRAFFIC.read_text(encoding="utf-8"))
    return constants


class Wander:
    """A log-normal process of mean 1 with that squared coefficient of variation, its peaks cut."""

    def __init__(self, cv2: float, memory_seconds: float, rng: Random) -> None:
        self._variance = math.log1p(cv2)
        self._keep = math.exp(-SLICE_SECONDS / memory_seconds)
        self._rng = rng
        self._level = rng.gauss(0.0, math.sqrt(self._variance))

    def step(self) -> float:
        """The level one slice later."""
        spread = math.sqrt(self._variance * (1 - self._keep**2))
        self._level = self._keep * self._level + self._rng.gauss(0.0, spread)
        most = USUAL * math.sqrt(self._variance)
        return math.exp(min(self._level, most) - self._variance / 2)


class Arrivals:
    """Starts a request at each arrival; `factor` is the fault's to turn."""

    def __init__(self, rate: float, workload: str, seed: str) -> None:
        own = fitted()["workloads"][workload]
        self.rate, self.factor = rate, 1.0
        rng = Random(f"{seed}/arrivals")
        self._slow = Wander(own["slow_cv2"], own["slow_seconds"], rng)
        self._fast = Wander(own["fast_cv2"], FAST_SECONDS, rng)
        self._counts = np.random.default_rng(rng.getrandbits(64))

    def run(self, kernel: Kernel, start: Any) -> Generator[Event, Any, None]:
        """Draw one slice after another for ever, calling `start()` at each arrival."""
        while True:
            rate = self.rate * self.factor * self._slow.step() * self._fast.step()
            count = int(self._counts.poisson(rate * SLICE_SECONDS))
            for offset in self._counts.random(count) * SLICE_SECONDS:
                kernel.later(float(offset), start)
            yield kernel.timeout(SLICE_SECONDS)
