"""How much more an entity took than before, over all its calls, and whether that is news.

Excess is additive along a call: seconds that a callee loses are lost by its caller too, and so are
failed requests. That makes entities comparable whose levels are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from analysis.ranking.scene import Floats, Measured

Rows: TypeAlias = NDArray[np.bool_]
"""Which rows of the window count."""

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
    """-1 where the row farthest from the usual level lies below it, else 1.

    The rows just before may hold the trouble's begin, so they are asked only where no long stretch
    is known.
    """
    usual = _usual(symptom)
    level = _known_median(usual if len(usual) >= ENOUGH else symptom.before)
    apart = symptom.during[~np.isnan(symptom.during)] - level
    if np.isnan(level) or not len(apart):
        return 1.0
    return -1.0 if apart[np.argmax(np.abs(apart))] < 0 else 1.0


def excess(measured: Measured, sign: float, rows: Rows | None = None) -> Excess | None:
    """The excess in the symptom's direction; None where nothing is known or nothing was before.

    Of `rows` of the window, or of all of them: their mean stands for those that are missing. An
    entity that was never seen before is no cause of its own: its caller changed.
    """
    known = ~np.isnan(measured.during) if rows is None else rows & ~np.isnan(measured.during)
    level = _level(measured, sign)
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


def _level(measured: Measured, sign: float) -> float:
    """The middle of the rows just before and of what is usual over the long stretch.

    The rows before tell what is always odd, the stretch tells where they hold the trouble's begin
    already. Where a gap leaves two that differ, the row that suffered least decides between them.
    A stretch that is mostly missing is asked only where no row before is known.
    """
    usual, before = _usual(measured), measured.before[~np.isnan(measured.before)]
    if len(usual) < ENOUGH or (len(before) and 2 * len(usual) < len(measured.usual)):
        return _known_median(before)
    witnesses = [*before, float(np.median(usual))]
    during = measured.during[~np.isnan(measured.during)]
    if len(witnesses) % 2 == 0 and len(during):
        witnesses.append(float(sign * (sign * during).min()))
    return float(np.median(witnesses))


def _known_median(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")


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
