"""What left a level in health already: how often, how far, and whether it is more than that now."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIGMAS_EACH = 2.5
"""Robust sigmas for each time a departure is as large as the strays, and each root of G."""


@dataclass(frozen=True)
class Strays:
    """The samples of health outside its level on one side: a false alarm each.

    `size` is their mean distance from the level, `runs` in how many clumps they came, `of` the
    samples of health.
    """

    count: float
    runs: float
    of: float
    size: float

    @classmethod
    def among(cls, departures: NDArray[np.float64], outside: NDArray[np.bool_]) -> Strays:
        """Those of one column: distances from its level, and which of them are outside it."""
        runs = int(outside[:1].sum()) + int((outside[1:] & ~outside[:-1]).sum())
        size = float(np.abs(departures[outside]).mean()) if runs else 0.0
        return cls(int(outside.sum()), runs, len(outside), size)

    @classmethod
    def none(cls, of: int) -> Strays:
        """Of a column that had none: what so many samples leave possible counts as half a one."""
        return cls(0.5, 0.5, of + 0.5, 0.0)

    def beyond(self, size: float, count: int, of: int, looks: int) -> float:
        """How far a departure is beyond what health did, in sigmas; infinite where it never did.

        It went as far as `size`, and `count` of `of` samples were outside; it was the most of so
        many `looks`. It must be far larger than the strays, or come far more often: the likelihood
        ratio of the two shares, strays of one clump counted as one, by Bonferroni's rule.
        """
        clumps = self.count / self.runs
        root = math.sqrt(max(0.0, self._g(count, of) / clumps - 2.0 * math.log(looks)))
        larger = size / self.size if self.size else 0.0
        return SIGMAS_EACH * max(larger, root)

    def _g(self, count: float, of: float) -> float:
        """The G statistic of the shares outside; 0 where it is no more than in health."""
        if count * self.of <= self.count * of:
            return 0.0
        pooled = (self.count + count) / (self.of + of)
        return 2.0 * sum(
            part * math.log(part / (whole * share))
            for inside, whole in ((self.count, self.of), (count, of))
            for part, share in ((inside, pooled), (whole - inside, 1.0 - pooled))
            if part
        )
