"""How much more an entity took than before, over all its calls, and whether that is news.

Excess is additive along a call: seconds that a callee loses are lost by its caller too, and so are
failed requests. That makes entities comparable whose levels are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.ranking.scene import Floats, Measured

ENOUGH: Final = 10
"""So many healthy rows are needed before their spread says anything."""

MAD_TO_SIGMA: Final = 1.4826
RISE_FLOOR: Final = 0.05
FALL_FLOOR: Final = 0.005
"""Smallest spread, as a share of the level: of a time, and of a share of good answers near 1."""


@dataclass(frozen=True)
class Excess:
    """`amount` over all calls of the window, the `noise` to expect in it, and the largest `z`."""

    amount: float
    noise: float
    z: float


def direction(symptom: Measured) -> float:
    """1 where the symptom rose, -1 where it fell."""
    level = _level(symptom)
    if np.isnan(level) or np.isnan(symptom.during).all():
        return 1.0
    return -1.0 if np.nanmean(symptom.during) < level else 1.0


def excess(measured: Measured, sign: float) -> Excess | None:
    """The excess in the symptom's direction; None where nothing is known or nothing was before.

    An entity that was never seen before is no cause of its own: its caller changed.
    """
    level, known = _level(measured), ~np.isnan(measured.during)
    if np.isnan(level) or not known.any():
        return None
    calls = _calls(measured)
    over = sign * (measured.during - level)
    weights = calls[known]
    mean = float(over[known] @ weights / weights.sum()) if weights.sum() > 0 else 0.0
    spread = _spread(measured)
    floor = abs(level) * (RISE_FLOOR if sign > 0 else FALL_FLOOR)
    return Excess(
        amount=max(mean, 0.0) * float(calls.sum()),
        noise=spread * float(calls.sum()),
        z=float(over[known].max() / max(spread, floor, np.finfo(float).tiny)),
    )


def _level(measured: Measured) -> float:
    """What it was just before, since some things are always odd; else over the long stretch."""
    if not np.isnan(measured.before).all():
        return float(np.nanmean(measured.before))
    usual = _usual(measured)
    return float(np.median(usual)) if len(usual) >= ENOUGH else float("nan")


def _spread(measured: Measured) -> float:
    usual = _usual(measured)
    if len(usual) < ENOUGH:
        return 0.0
    return MAD_TO_SIGMA * float(np.median(np.abs(usual - np.median(usual))))


def _usual(measured: Measured) -> Floats:
    return measured.usual[~np.isnan(measured.usual)]


def _calls(measured: Measured) -> Floats:
    """Calls in each row of the window; a gap is filled with what is known nearest to it."""
    calls = measured.calls_during
    for known in (calls, measured.calls_before, measured.usual_calls):
        if not np.isnan(known).all():
            return np.where(np.isnan(calls), np.nanmean(known), calls)
    return np.ones_like(calls)
