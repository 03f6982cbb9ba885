"""What is usual at this time of the day or week, where there is such a thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.detectors.base import Departure, RowDetector
from analysis.detectors.calibration import Floats
from analysis.detectors.scale import center, spread

DAY: Final = 86_400.0
WEEK: Final = 7 * DAY
SLOTS: Final = 48
CYCLES: Final = 2
"""A period counts once it was seen this often before it is tried on later rows."""
WORTH: Final = 0.9
"""A period must cut the error on rows it has not seen to this share, or it is none."""


@dataclass(frozen=True)
class _Course:
    """Usual values of each slot of a period (one slot: no period), and the spread about them."""

    period: float
    usual: Floats
    sigma: Floats

    def expected(self, times: Floats) -> Floats:
        """Usual values at `times`, between the middles of slots; shape (n, k)."""
        slots = len(self.usual)
        place = np.mod(times, self.period) / self.period * slots - 0.5
        left = np.floor(place).astype(int)
        share = (place - left)[:, None]
        right = (left + 1) % slots
        between = (1 - share) * self.usual[left % slots] + share * self.usual[right]
        return np.asarray(between, dtype=np.float64)

    def sigmas(self, rows: Floats) -> Floats:
        """Signed sigmas of each value; shape (n, k)."""
        return np.asarray((rows[:, 1:] - self.expected(rows[:, 0])) / self.sigma, dtype=np.float64)

    def __call__(self, rows: Floats) -> Floats:
        if rows.shape[1] == 1:
            return np.zeros(len(rows))
        return np.asarray(np.abs(self.sigmas(rows)).max(axis=1), dtype=np.float64)


class SeasonalBaseline(RowDetector):
    """Values judged by what is usual at their time; column 0 is the time in seconds.

    Of the periods offered, the one is learned whose usual course, taken from the earlier part of
    the rows, foretells the later part best, if clearly better than none. Medians throughout, so
    that one bad day is no course.

    Args:
        periods: seconds; those of which the rows hold fewer than three cycles are passed over.
        alpha: `predict` says -1 for rows that health shows less often.
    """

    def __init__(self, periods: Sequence[float] = (DAY, WEEK), alpha: float = 0.01) -> None:
        self.periods = periods
        self.alpha = alpha

    @property
    def period(self) -> float | None:
        """The period learned, in seconds; None: the values know no time."""
        course = self.departure_
        return course.period if len(course.usual) > 1 else None

    def expected(self, times: Floats) -> Floats:
        """What is usual at `times`, shape (n, k)."""
        return np.asarray(self.departure_.expected(np.asarray(times)), dtype=np.float64)

    def _learn(self, rows: Floats) -> Departure:
        return _course(rows, self._best(rows))

    def _best(self, rows: Floats) -> float | None:
        """The period that foretells rows it has not seen; None where none does."""
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        length = float(np.ptp(rows[:, 0]))
        errors = {}
        for period in self.periods:
            if length >= (CYCLES + 0.9) * period and rows.shape[1] > 1:
                early = rows[:, 0] < rows[-1, 0] - length / (CYCLES + 1)
                plain = _error(_course(rows[early], None), rows[~early])
                errors[period] = _error(_course(rows[early], period), rows[~early]) / plain
        best = min(errors, key=lambda period: errors[period], default=None)
        return best if best is not None and errors[best] < WORTH else None


def _course(rows: Floats, period: float | None) -> _Course:
    values = rows[:, 1:]
    level = center(values) if len(values) else np.zeros(values.shape[1])
    if period is None:
        return _Course(1.0, level[None, :], spread(values, level))
    slot = (np.mod(rows[:, 0], period) / period * SLOTS).astype(int) % SLOTS
    usual = np.array([_middle(values, slot, wanted, level) for wanted in range(SLOTS)])
    course = _Course(period, usual, np.ones(values.shape[1]))
    return _Course(period, usual, spread(values - course.expected(rows[:, 0]), level))


def _middle(values: Floats, slot: Floats, wanted: int, level: Floats) -> Floats:
    """Median of a slot; of its neighbours too where it is empty, and the level where all are."""
    for near in (0, 1, 2):
        apart = np.abs(slot - wanted)
        chosen = np.minimum(apart, SLOTS - apart) <= near
        if chosen.any():
            return center(values[chosen])
    return level


def _error(course: _Course, rows: Floats) -> float:
    """Mean distance from the usual, each column in its own spread."""
    values = rows[:, 1:]
    scale = spread(values, center(values))
    return float(np.mean(np.abs(values - course.expected(rows[:, 0])) / scale)) + 1e-12
