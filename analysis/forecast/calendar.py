"""Which cycles a history can teach, and which days are alike."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final

import numpy as np

from analysis.forecast.experts import CYCLES, Ints, Season
from analysis.forecast.series import DAY, WEEK, Series

EPOCH: Final = date(1970, 1, 1)
EPOCH_WEEKDAY: Final = 3
"""1970 began on a Thursday."""
SUNDAY: Final = 6
LEAST_STEPS: Final = 4
"""A cycle of fewer steps than this has no shape to learn."""


def seasons_of(series: Series, ahead: int, holidays: Collection[date] = ()) -> tuple[Season, ...]:
    """The day and the week, each where it is a whole number of steps and was seen twice."""
    found = []
    for length in (DAY, WEEK):
        period = series.steps_in(length)
        whole = abs(period * series.step - length) < series.step / 100
        if whole and period >= LEAST_STEPS and len(series) >= 2 * period + min(ahead, period) // 2:
            found.append(_season(series, period, ahead, holidays))
    return tuple(found)


def _season(series: Series, period: int, ahead: int, holidays: Collection[date]) -> Season:
    block = series.steps_in(DAY)
    offset = int(series.start % DAY // series.step)
    count = (offset + len(series) + ahead) // block + 1
    back = np.repeat(np.arange(1, CYCLES + 1)[:, None] * period, count, axis=1)
    if holidays:
        first = int(series.start // DAY)
        back = _likes(first, count, holidays, daily=period == block) * block
    return Season(period, back.astype(np.int64), block, offset)


def _likes(first: int, count: int, holidays: Collection[date], *, daily: bool) -> Ints:
    """Days back to the latest days like each one; a cycle's length where there are too few.

    A holiday is like Sundays and other holidays. For the week other days are like those of their
    name, for the day they are like all that are no holidays.
    """
    off = {(day - EPOCH).days for day in holidays}
    days = range(first, first + count)
    names = np.array([SUNDAY if d in off else (d + EPOCH_WEEKDAY) % 7 for d in days])
    free = np.array([d in off for d in days])
    back = np.repeat(np.arange(1, CYCLES + 1)[:, None] * (1 if daily else 7), count, axis=1)
    for day in range(count):
        alike = ~free[:day] if daily and not free[day] else names[:day] == names[day]
        found = day - np.flatnonzero(alike)[::-1][: CYCLES + 1]
        back[: len(found[:CYCLES]), day] = found[:CYCLES]
    return back
