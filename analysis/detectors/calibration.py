"""One calibration for every detector: how often has a value this large been seen before?"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TAIL_SHARE: Final = 0.02
LEAST_TAIL: Final = 10
MOST_TAIL_SHARE: Final = 0.25
"""The largest values that make the tail: a fiftieth, at least ten, at most a quarter of all."""
LEAST_P: Final = 1e-12


class Tail:
    """Upper-tail p-values of a score against all of its own past.

    The body is the share of the past at least as large, one look more counted as such. Beyond the
    largest values that were seen goes an exponential tail of their excesses (peaks over threshold,
    Siffer et al., KDD 2017, with shape 0), as predicted from as few of them as there are: each p is
    no smaller than their number allows. Values that are large together count as one, by the runs
    estimate of the extremal index (Smith and Weissman, JRSSB 1994): a past of one long wave is one
    look. Missing values are not learned, and have p NaN.

    Args:
        least: with fewer values learned, every p is NaN.
    """

    def __init__(self, least: int = 20) -> None:
        self.least = least
        self._past: Floats = np.empty(0)
        self._sorted: Floats = np.empty(0)

    def __len__(self) -> int:
        return len(self._sorted)

    def learn(self, values: Floats) -> None:
        """Add values to the past, in order of time; NaN is passed over."""
        known = values[np.isfinite(values)]
        self._past = np.concatenate([self._past, known])
        known = np.sort(known)
        places = np.searchsorted(self._sorted, known) + np.arange(len(known))
        merged = np.empty(len(self._sorted) + len(known))
        old = np.ones(len(merged), dtype=bool)
        old[places] = False
        merged[places], merged[old] = known, self._sorted
        self._sorted = merged

    def p(self, values: Floats) -> Floats:
        """How often the past was at least as large, in (0, 1]; NaN where not known."""
        past, count = self._sorted, len(self._sorted)
        known = np.isfinite(values)
        if count < max(self.least, 1):
            return np.full(len(values), np.nan)
        most = int(count * MOST_TAIL_SHARE)
        start = past[count - 1 - min(most, max(LEAST_TAIL, int(count * TAIL_SHARE)))]
        excesses = past[np.searchsorted(past, start, side="right") :] - start
        alone = self._alone(start)
        above = count - np.searchsorted(past, values, side="left")
        body = (above + 1 / alone) / (count + 1 / alone)
        if len(excesses) and excesses.mean() > 0:
            share = (len(excesses) + 1 / alone) / (count + 1 / alone)
            looks = max(1.0, alone * len(excesses))
            beyond = share * _beyond(values - start, float(excesses.mean()), looks)
            body = np.where(values > start, beyond, body)
        return np.where(known, np.clip(body, LEAST_P, 1.0), np.nan)

    def _alone(self, start: float) -> float:
        """Share of the values beyond `start` that begin a run of such."""
        beyond = self._past > start
        runs = int(beyond[0]) + int((beyond[1:] & ~beyond[:-1]).sum())
        return runs / int(beyond.sum()) if runs else 1.0


def _beyond(excess: Floats, mean: float, looks: float) -> Floats:
    """Chance of a larger excess, whose mean is known from `looks` others: Lomax's distribution."""
    with np.errstate(over="ignore"):
        return np.asarray((1 + np.maximum(excess, 0) / (looks * mean)) ** -looks, dtype=np.float64)
