"""Where a series changed its level, and how likely it never did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

LEAST: Final = 6


@dataclass(frozen=True)
class Change:
    """The first row of the new level, the medians before and after, and the p-value."""

    row: int
    before: float
    after: float
    p: float


def change_point(values: ArrayLike) -> Change | None:
    """The likeliest single change of level by Pettitt's rank test (Applied Statistics, 1979).

    Ranks know no unit and no outlier. Rows that resemble their neighbours say less than as many
    independent ones: the p-value counts the effective number. Missing values are passed over;
    None with fewer than six known ones.
    """
    series = np.asarray(values, dtype=np.float64).ravel()
    known = np.flatnonzero(np.isfinite(series))
    count = len(known)
    if count < LEAST:
        return None
    ranks = rankdata(series[known])
    walk = np.abs(2 * np.cumsum(ranks) - np.arange(1, count + 1) * (count + 1))[:-1]
    last = int(walk.argmax())
    halves = series[known[: last + 1]], series[known[last + 1 :]]
    alike = _autocorrelation(ranks, last + 1)
    share = (1 - alike) / (1 + alike)
    exponent = 6 * float(walk[last]) ** 2 / (count**3 + count**2) * share
    p = min(1.0, 2 * float(np.exp(-exponent)))
    return Change(int(known[last + 1]), float(np.median(halves[0])), float(np.median(halves[1])), p)


def _autocorrelation(ranks: np.ndarray[tuple[int], np.dtype[np.float64]], split: int) -> float:
    """Of neighbouring rows about the level on either side of the change; 0 where it is negative.

    Levels taken from the rows themselves hide some of it, which Kendall's (Biometrika 1954)
    correction gives back.
    """
    left = ranks.astype(np.float64)
    left[:split] -= left[:split].mean()
    left[split:] -= left[split:].mean()
    power = float((left**2).sum())
    if power == 0:
        return 0.0
    found = float((left[1:] * left[:-1]).sum()) / power
    # Two levels, each taken from about half of the rows.
    return float(np.clip(found + 2 * (1 + 3 * found) / len(left), 0.0, 0.99))
