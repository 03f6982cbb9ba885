"""Bounds from what the forecast got wrong on its past, wider where little was seen."""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis.forecast.series import Floats

BEYOND: Final = 0.25
"""Where even the largest error ever seen is no bound, this share is added to it."""


def bounds(errors: Floats, credit: Floats, level: float, lessons: float) -> tuple[float, float]:
    """Lower and upper reach of one group of horizons, the lower at most 0, the upper at least.

    `errors` are truth less forecast; those with a credit of 0 do not count. Neighbouring errors
    tell one story: `lessons` says how many do not overlap, and the level is raised by the finite
    sample correction of that many (Lei et al., JASA 113, 2018; weighted by recency as in Barber
    et al., Annals of Statistics 51, 2023).
    """
    known = credit > 0
    if not known.any():
        return (0.0, 0.0)
    order = np.argsort(errors[known])
    ordered, share = errors[known][order], np.cumsum(credit[known][order])
    share = share / share[-1]
    raised = level * (1 + 1 / max(lessons, 1e-9))
    tail = max(0.0, 1 - raised) / 2
    low = ordered[np.searchsorted(share, tail)]
    high = ordered[min(int(np.searchsorted(share, 1 - tail)), len(ordered) - 1)]
    beyond = 1 + BEYOND if raised >= 1 else 1.0
    return (min(0.0, float(low)) * beyond, max(0.0, float(high)) * beyond)
