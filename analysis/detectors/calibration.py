"""One calibration for every detector: how often has a value this large been seen before?"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BODY: Final = 0.98
"""Up to this quantile the past itself is the distribution; beyond it, an exponential tail."""
LEAST_P: Final = 1e-12
NO_TAIL_P: Final = 1e-5
"""What is beyond a past that never varied there: rare, but nobody knows how rare."""


class Tail:
    """Upper-tail p-values of a score against all of its own past.

    The body is the empirical distribution, the tail an exponential fitted to the excesses over
    the 98th percentile (the peaks-over-threshold method, Siffer et al., KDD 2017, with shape 0),
    so that a value never seen before still gets a finite p. Missing values are not learned, and
    have p NaN.

    Args:
        least: with fewer values learned, every p is NaN.
    """

    def __init__(self, least: int = 20) -> None:
        self.least = least
        self._sorted: Floats = np.empty(0)

    def __len__(self) -> int:
        return len(self._sorted)

    def learn(self, values: Floats) -> None:
        """Add values to the past; NaN is passed over."""
        known = np.sort(values[np.isfinite(values)])
        places = np.searchsorted(self._sorted, known) + np.arange(len(known))
        merged = np.empty(len(self._sorted) + len(known))
        old = np.ones(len(merged), dtype=bool)
        old[places] = False
        merged[places], merged[old] = known, self._sorted
        self._sorted = merged

    def p(self, values: Floats) -> Floats:
        """Share of the past at least as large as each value, in (0, 1]; NaN where not known."""
        past = self._sorted
        count = len(past)
        known = np.isfinite(values)
        if count < self.least:
            return np.full(len(values), np.nan)
        above = count - np.searchsorted(past, values, side="left")
        body = (above + 1) / (count + 1)
        start = int(count * BODY)
        far = values > past[start]
        share = (count - start + 1) / (count + 1)
        tail = _exponential(values, past[start], past[start:].mean() - past[start], share)
        return np.where(known, np.clip(np.where(far, tail, body), LEAST_P, 1.0), np.nan)


def _exponential(values: Floats, start: float, mean_excess: float, share: float) -> Floats:
    if mean_excess <= 0:
        return np.full(len(values), NO_TAIL_P)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(share * np.exp(-(values - start) / mean_excess), dtype=np.float64)
