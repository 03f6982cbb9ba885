"""Two-sample tests on bucket counts: did requests get slower, did their lengths change?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import f as f_distribution
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

    Pearson's chi-square of the two totals, held against how much, and how much in step, the
    intervals before differ among themselves (Rao and Scott's second correction, Annals of
    Statistics 1984, as an F as in Thomas and Rao, JASA 1987).

    Args and None as in `latency_shift`.
    """
    early, late = _intervals(before), _intervals(after)
    if min(len(early), len(late)) < LEAST_INTERVALS:
        return None
    totals = np.array([early.sum(axis=0), late.sum(axis=0)])
    freedom = int((totals.sum(axis=0) > 0).sum()) - 1
    distance = _distance(*(totals / totals.sum(axis=1, keepdims=True)))
    if not freedom:
        return Drifted(1.0, distance)
    excess, own = _excess(early)
    ratio = _chi_square(totals) / excess / freedom
    p = float(f_distribution.sf(ratio, freedom * own, freedom * own * (len(early) - 1)))
    return Drifted(max(p, LEAST_P), distance)


def _excess(table: Floats) -> tuple[float, float]:
    """How much more intervals differ than chance would have it, and the share of own ways.

    That is 1 where each bucket goes its own way, less where they move in step.
    """
    table = table[:, table.sum(axis=0) > 0]
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    apart = (table - expected) / np.sqrt(expected)
    spread = apart.T @ apart / (len(table) - 1)
    free, total = table.shape[1] - 1, float(np.trace(spread))
    if free < 1 or total <= free:
        return 1.0, 1.0
    squares = float((spread**2).sum()) - total**2 / (len(table) - 1)
    return total / free, min(1.0, max(1 / free, total**2 / (free * max(squares, 1e-12))))


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


def _distance(one: Floats, other: Floats) -> float:
    middle = (one + other) / 2
    halves = [
        float((side[side > 0] * np.log2(side[side > 0] / middle[side > 0])).sum())
        for side in (one, other)
    ]
    return math.sqrt(max(0.0, sum(halves) / 2))
