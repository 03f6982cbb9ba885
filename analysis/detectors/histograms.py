"""Two-sample tests on bucket counts: did requests get slower, did their lengths change?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2
from scipy.stats import t as student

from analysis.detectors.calibration import LEAST_P, Floats

LEAST_INTERVALS: Final = 3


@dataclass(frozen=True)
class Shifted:
    """`p` two-sided; `greater`: the chance that a later one exceeds an earlier one (.5: alike)."""

    p: float
    greater: float


@dataclass(frozen=True)
class Drifted:
    """`p`, and how far the mixes are apart, 0 to 1 (Jensen and Shannon's distance)."""

    p: float
    distance: float


def latency_shift(before: ArrayLike, after: ArrayLike) -> Shifted | None:
    """Are later values greater or less, by counts per interval and bucket?

    Each interval is one observation: the mean rank, among all values before, of its values, so
    that requests which are slow together are not taken for as many witnesses. Welch's t between
    the intervals' mean ranks. Bounds do not enter, only the buckets' order.

    Args:
        before: counts (not cumulative), shape (intervals, buckets); negative or missing counts
            make an interval missing.
        after: the same, later.

    Returns:
        None with fewer than three intervals that saw anything on either side.
    """
    early, late = _intervals(before), _intervals(after)
    if min(len(early), len(late)) < LEAST_INTERVALS:
        return None
    share = early.sum(axis=0) / early.sum()
    rank = np.cumsum(share) - share / 2  # ridit: chance of exceeding an earlier value
    means = [(side @ rank) / side.sum(axis=1) for side in (early, late)]
    pooled = [float(side.sum(axis=0) @ rank / side.sum()) for side in (early, late)]
    return Shifted(_welch(*means), 0.5 + pooled[1] - pooled[0])


def mix_drift(before: ArrayLike, after: ArrayLike) -> Drifted | None:
    """Did the mix over buckets (of prompt lengths, of models) change in any way?

    Pearson's chi-square of the two totals, divided by how much more the intervals before differ
    among themselves than chance would have it (after Rao and Scott, 1981).

    Args and None as in `latency_shift`.
    """
    early, late = _intervals(before), _intervals(after)
    if min(len(early), len(late)) < LEAST_INTERVALS:
        return None
    totals = np.array([early.sum(axis=0), late.sum(axis=0)])
    excess = max(1.0, _chi_square(early) / max(_freedom(early), 1))
    freedom = _freedom(totals)
    p = float(chi2.sf(_chi_square(totals) / excess, freedom)) if freedom else 1.0
    return Drifted(max(p, LEAST_P), _distance(*(totals / totals.sum(axis=1, keepdims=True))))


def _intervals(counts: ArrayLike) -> Floats:
    """Intervals that saw something, and whose counts are all known."""
    table = np.atleast_2d(np.asarray(counts, dtype=np.float64))
    if table.ndim != 2:
        raise ValueError(f"counts have shape (intervals, buckets); got {table.shape}")
    whole = np.isfinite(table).all(axis=1) & (table >= 0).all(axis=1)
    seen = np.where(np.isfinite(table), table, 0.0).sum(axis=1) > 0
    return np.asarray(table[whole & seen], dtype=np.float64)


def _welch(before: Floats, after: Floats) -> float:
    errors = [float(side.var(ddof=1)) / len(side) for side in (before, after)]
    gap = float(after.mean() - before.mean())
    total = sum(errors)
    if total <= 0:  # every interval the same: any gap is real, none is none
        return 1.0 if abs(gap) < 1e-12 else LEAST_P
    freedom = total**2 / sum(
        error**2 / (len(side) - 1) for error, side in zip(errors, (before, after), strict=True)
    )
    return max(float(2 * student.sf(abs(gap) / math.sqrt(total), freedom)), LEAST_P)


def _chi_square(table: Floats) -> float:
    """Pearson's statistic of homogeneity."""
    table = table[:, table.sum(axis=0) > 0]
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())


def _freedom(table: Floats) -> int:
    return int((len(table) - 1) * ((table.sum(axis=0) > 0).sum() - 1))


def _distance(one: Floats, other: Floats) -> float:
    middle = (one + other) / 2
    halves = [
        float((side[side > 0] * np.log2(side[side > 0] / middle[side > 0])).sum())
        for side in (one, other)
    ]
    return math.sqrt(max(0.0, sum(halves) / 2))
