"""Tests on counts: is the rate, or the share that failed, still what it was?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom, hypergeom

KEPT: Final = 0.95
KEPT_MEAN: Final = 0.759
"""Mean of the smallest 95 % of what has a chi-square distribution of one degree."""


@dataclass(frozen=True)
class Counted:
    """The two-sided p-value, and after over before (inf: out of nothing; NaN: nothing at all)."""

    p: float
    ratio: float


def rate_change(
    before: float, seconds_before: float, after: float, seconds_after: float, dispersion: float = 1
) -> Counted:
    """Did events become more or less frequent? Exact conditional test of two Poisson rates.

    Given their total, the later count is binomial if nothing changed (Przyborowski and Wilenski,
    Biometrika 1940). `dispersion` (see below) above 1 says that events come in clumps: counts
    weigh that much less. Mid-p, so that few events are not judged too mildly. ValueError for
    negative counts and for times that are not positive.
    """
    if min(before, after) < 0 or min(seconds_before, seconds_after) <= 0 or dispersion < 1:
        raise ValueError(
            "counts are at least 0, seconds above 0 and dispersion at least 1; "
            f"got {before}, {seconds_before}, {after}, {seconds_after}, {dispersion}"
        )
    share = seconds_after / (seconds_before + seconds_after)
    total = round((before + after) / dispersion)
    late = min(total, round(after / dispersion))
    p = _mid_p(float(binom.pmf(late, total, share)), float(binom.cdf(late, total, share)))
    return Counted(p, _ratio(after / seconds_after, before / seconds_before))


def share_change(
    bad_before: float, all_before: float, bad_after: float, all_after: float, dispersion: float = 1
) -> Counted:
    """Did the share of failures change? Fisher's exact test, mid-p.

    ValueError where failures are negative or more than all.
    """
    if not (0 <= bad_before <= all_before and 0 <= bad_after <= all_after and dispersion >= 1):
        raise ValueError(
            "failures are at least 0 and at most all, dispersion at least 1; "
            f"got {bad_before}/{all_before}, {bad_after}/{all_after}, {dispersion}"
        )
    before, after = round(all_before / dispersion), round(all_after / dispersion)
    late = min(after, round(bad_after / dispersion))
    bad = min(before, round(bad_before / dispersion)) + late
    table = hypergeom(before + after, bad, after)
    p = _mid_p(float(table.pmf(late)), float(table.cdf(late))) if before and after else 1.0
    shares = [_ratio(bad_after, all_after), _ratio(bad_before, all_before)]
    return Counted(p, _ratio(*shares) if before and after else math.nan)


def dispersion(counts: ArrayLike, seconds: ArrayLike = 1.0) -> float:
    """How much more counts of equal health vary than Poisson's do: at least 1.

    Variance over mean of the intervals, but for the wildest twentieth of them, against what a
    Poisson count's would be. 1 for fewer than four intervals, and for none but zeros.
    """
    found = np.asarray(counts, dtype=np.float64).ravel()
    spans = np.broadcast_to(np.asarray(seconds, dtype=np.float64), found.shape)
    known = np.isfinite(found) & np.isfinite(spans) & (spans > 0)
    found, spans = found[known], spans[known]
    if len(found) < 4 or found.sum() <= 0:
        return 1.0
    expected = spans * float(np.median(found / spans) or found.sum() / spans.sum())
    squares = np.sort((found - expected) ** 2 / expected)
    kept = squares[: math.ceil(KEPT * len(squares))]
    return max(1.0, float(kept.mean()) / KEPT_MEAN)


def _mid_p(point: float, below: float) -> float:
    """Two-sided mid-p from the point's own probability and that of it and all below."""
    lower = below - point / 2
    return float(min(1.0, max(2 * min(lower, 1 - lower), 1e-300)))


def _ratio(after: float, before: float) -> float:
    if before == 0:
        return math.nan if after == 0 else math.inf
    return float(after / before)
