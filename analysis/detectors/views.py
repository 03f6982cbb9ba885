"""Views of one series: numbers that are large when the newest row is unlike the rows before it.

Each view is causal and takes the series with its lookback before it; rows before the series began
are its first value. What a view cannot say yet is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from analysis.detectors.calibration import Floats

View = Callable[[Floats], Floats]

SHORT, LONG = 50, 500
CALM, CALM_PAST = 10, 100
PERIODS: Final = 7
"""How many past periods make the usual course."""
TINY: Final = 1e-6
"""Least variance, as a share of the warm-up's: a flat line has no ratio to another."""


def jump(series: Floats) -> Floats:
    """Step from the row before."""
    return np.abs(np.diff(series, prepend=series[0]))


def high(series: Floats) -> Floats:
    """The value itself: a new high is rare."""
    return series


def low(series: Floats) -> Floats:
    """The value turned over: a new low is rare."""
    return -series


def level(series: Floats) -> Floats:
    """Mean of the last rows against the mean of the many before them, two-sided."""
    return np.abs(_mean(series, SHORT) - lag(_mean(series, LONG), SHORT))


def calm(series: Floats) -> Floats:
    """How much less the last rows vary than those before: a flat line."""
    return np.log(lag(_variance(series, CALM_PAST), CALM) + TINY) - np.log(
        _variance(series, CALM) + TINY
    )


def spread(series: Floats) -> Floats:
    """Standard deviation of the last rows."""
    return np.sqrt(_variance(series, CALM))


def envelope(period: int, near: int, width: int) -> View:
    """How far the last `width` rows are outside what was seen at about this time of the period.

    The envelope is the least and the greatest value within `near` rows of the same place in each
    of the last periods, so that a course that comes a little early or late is no departure.
    """

    def view(series: Floats) -> Floats:
        top, bottom = _around(series, near, np.max), _around(series, near, np.min)
        lags = [n * period for n in range(1, PERIODS + 1) if n * period < len(series)]
        if not lags:
            return np.full(len(series), np.nan)
        highest = np.fmax.reduce([_ago(top, rows - near) for rows in lags])
        lowest = np.fmin.reduce([_ago(bottom, rows - near) for rows in lags])
        outside = np.fmax(0.0, np.fmax(series - highest, lowest - series))
        return _begins(_mean(np.nan_to_num(outside), width), period + width)

    return view


def usual(period: int, width: int) -> View:
    """Mean distance of the last `width` rows from the median of the same place in past periods."""

    def view(series: Floats) -> Floats:
        lags = [n * period for n in range(1, PERIODS + 1) if n * period < len(series)]
        if not lags:
            return np.full(len(series), np.nan)
        past = np.sort([_ago(series, rows) for rows in lags], axis=0)  # NaN sorts last
        known = np.isfinite(past).sum(axis=0)
        rows = np.arange(len(series))
        middle = (
            past[np.maximum(known - 1, 0) // 2, rows]
            + past[np.minimum(known // 2, len(lags) - 1), rows]
        ) / 2
        return _begins(_mean(np.nan_to_num(np.abs(series - middle)), width), period + width)

    return view


def views(period: int | None, rows_per_hour: float) -> Mapping[str, View]:
    """The views of a series; `period` in rows adds those that know the usual course."""
    plain: dict[str, View] = {
        "jump": jump, "high": high, "low": low, "level": level, "calm": calm,
    }  # fmt: skip
    if period is None:
        return plain
    two_hours = max(3, round(2 * rows_per_hour))
    half_hour = max(1, round(rows_per_hour / 2))
    return {
        **plain,
        "envelope": envelope(period, 1, two_hours),
        "long_envelope": envelope(period, half_hour, 3 * two_hours),
        "usual": usual(period, two_hours),
    }


def lookback(period: int | None) -> int:
    """Rows before a row on which its views may depend."""
    plain = SHORT + LONG
    return plain if period is None else plain + PERIODS * period + period


def lag(values: Floats, rows: int) -> Floats:
    """The values of `rows` rows ago; before the beginning, the first one."""
    return values[np.maximum(np.arange(len(values)) - rows, 0)]


def _ago(values: Floats, rows: int) -> Floats:
    """The values of `rows` rows ago; before the beginning, NaN."""
    moved = np.full(len(values), np.nan)
    if rows < len(values):
        moved[rows:] = values[: len(values) - rows]
    return moved


def _begins(values: Floats, row: int) -> Floats:
    values[:row] = np.nan
    return values


def _windows(series: Floats, width: int) -> Floats:
    padded = np.concatenate([np.full(width - 1, series[0]), series])
    return sliding_window_view(padded, width)


def _mean(series: Floats, width: int) -> Floats:
    return np.asarray(_windows(series, width).mean(axis=1), dtype=np.float64)


def _variance(series: Floats, width: int) -> Floats:
    return np.asarray(_windows(series, width).var(axis=1), dtype=np.float64)


def _around(series: Floats, near: int, extreme: Callable[..., Floats]) -> Floats:
    """Extreme of the last 2·near + 1 rows."""
    return np.asarray(extreme(_windows(series, 2 * near + 1), axis=1), dtype=np.float64)
