"""The fast forecast: experts mixed by their past, bounds from what the mixture got wrong."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from analysis.forecast.calendar import seasons_of
from analysis.forecast.experts import Ints, Past, experts
from analysis.forecast.intervals import bounds
from analysis.forecast.series import DAY, WEEK, Floats, Series
from analysis.forecast.weights import mixtures
from exporters.errors import UsageError

LEAST_POINTS: Final = 8
ORIGINS: Final = 80
BUCKETS: Final = 6
IN_BUCKET: Final = 2
HISTORY_WEEKS: Final = 6
HALF_LIFE: Final = 0.5
"""Share of the history after which a lesson counts half."""


@dataclass(frozen=True)
class Forecast:
    """What to expect at `times` (Unix seconds), and within which bounds, in the data's unit.

    `level` is the share of futures that the bounds should hold. `too_little` says why nothing
    could be learnt, or is None; then the bounds go beyond all that was ever seen, and without
    any measured value everything is NaN.
    """

    times: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    level: float
    too_little: str | None = None


def forecast(
    series: Series, ahead: int, *, level: float = 0.9, holidays: Collection[date] = ()
) -> Forecast:
    """Forecast the `ahead` steps after the series.

    Missing values are never learnt from; after a gap the forecast starts from the last values
    before it. Holidays are forecast as Sundays. Raises UsageError unless `ahead` is positive and
    `level` a share between 0 and 1.
    """
    if ahead < 1 or not 0 < level < 1:
        raise UsageError(
            f"no forecast of {ahead} steps at level {level}; "
            "give at least 1 step and a level between 0 and 1, such as 0.9"
        )
    series = series.last(HISTORY_WEEKS * WEEK)
    values = np.where(np.isfinite(series.values), series.values, np.nan)
    known = values[np.isfinite(values)]
    times = series.after(ahead)
    if len(known) < LEAST_POINTS:
        return unlearnt(times, known, level)
    # In units of the largest value: squares and sums of any data stay finite.
    scale = float(np.abs(known).max()) or 1.0
    plan = _Plan(Series(series.start, series.step, values / scale), ahead, holidays)
    most = np.finfo(np.float64).max
    with np.errstate(over="ignore"):
        expected, lower, upper = (
            np.clip(scale * column, -most, most) for column in plan.columns(level)
        )
    return Forecast(times, expected, lower, upper, level)


def unlearnt(times: Floats, known: Floats, level: float) -> Forecast:
    """The forecast from too few values: their median, within twice the range they had."""
    why = f"too little history: {len(known)} measured values, and {LEAST_POINTS} are needed"
    if not len(known):
        nothing = np.full(len(times), np.nan)
        return Forecast(times, nothing, nothing, nothing, level, why)
    low, high = float(known.min()), float(known.max())
    # Halved first: the difference of two large numbers may be none.
    reach = max(high / 2 - low / 2, abs(high) / 2)
    lower = low - min(reach, np.finfo(float).max / 2)
    columns = (
        float(np.median(known / 2)) * 2,
        max(0.0, lower) if low >= 0 else lower,
        high + min(reach, np.finfo(float).max / 4),
    )
    expected, lowest, highest = (np.full(len(times), value) for value in columns)
    return Forecast(times, expected, lowest, highest, level, why)


class _Plan:
    """One history in units of its largest value, and what is asked of it."""

    def __init__(self, series: Series, ahead: int, holidays: Collection[date]) -> None:
        self._values = series.values
        self._ahead = ahead
        self._seasons = seasons_of(series, ahead, holidays)
        day = series.steps_in(DAY) if self._seasons else 0
        self._windows = _windows(len(series), day)
        self._past = Past(self._values, day // 96)
        self._positive = bool(np.nanmin(self._values) >= 0)
        self._horizons = _sampled(ahead)
        self._buckets = np.array_split(
            np.arange(len(self._horizons)), min(BUCKETS, len(self._horizons))
        )
        width = max(len(bucket) for bucket in self._buckets)
        # Shorter buckets repeat their last horizon, so that all are learnt at once.
        self._padded = np.concatenate(
            [np.pad(bucket, (0, width - len(bucket)), mode="edge") for bucket in self._buckets]
        )
        self._centres = np.array([np.log(self._horizons[b]).mean() for b in self._buckets])

    def columns(self, level: float) -> tuple[Floats, Floats, Floats]:
        """What is expected, the lower bound and the upper, for every step ahead."""
        weights, reach = self._lessons(level)
        steps = np.arange(1, self._ahead + 1)
        now = np.array([len(self._values) - 1])
        said = self._ask(now, steps)[0]
        expected = np.einsum("he,he->h", said, self._between(steps, weights))
        below, above = self._between(steps, reach).T
        lower = expected + below
        if self._positive:
            expected, lower = np.maximum(expected, 0.0), np.maximum(lower, 0.0)
        return expected, lower, expected + above

    def _lessons(self, level: float) -> tuple[Floats, Floats]:
        """Weights of the experts and bounds of the errors, a row for each bucket of horizons."""
        origins = self._origins()
        said = self._ask(origins, self._horizons)
        targets = origins[:, None] + self._horizons[None, :]
        inside = targets < len(self._values)
        truth = np.where(inside, self._values[np.where(inside, targets, 0)], np.nan)
        credit = np.where(np.isfinite(truth), self._recency(targets), 0.0)
        truth = np.where(credit > 0, truth, 0.0)
        weights = mixtures(*(self._by_bucket(part) for part in (said, truth, credit)))
        errors = truth - np.einsum("ohe,he->oh", said, self._between(self._horizons, weights))
        seen = len(self._values) - int(origins[0])
        reach = [
            bounds(
                errors[:, bucket].ravel(),
                credit[:, bucket].ravel(),
                level,
                seen / float(self._horizons[bucket].mean()),
            )
            for bucket in self._buckets
        ]
        return weights, np.array(reach)

    def _by_bucket(self, part: Floats) -> Floats:
        """From (origins, horizons, …) to (buckets, samples, …)."""
        shape = (len(part), len(self._buckets), -1, *part.shape[2:])
        found = np.moveaxis(part[:, self._padded].reshape(shape), 1, 0)
        return found.reshape(len(self._buckets), -1, *part.shape[2:])

    def _ask(self, origins: Ints, horizons: Ints) -> Floats:
        return experts(
            self._past,
            origins,
            horizons,
            windows=self._windows,
            seasons=self._seasons,
            multiplicative=self._positive,
        )

    def _origins(self) -> Ints:
        """Moments of the past to learn at: every season known, something measured before."""
        length = len(self._values)
        first = max((season.period for season in self._seasons), default=length // 4)
        first = min(first, max(2, length - 2 * self._ahead))
        first = max(first, int(np.argmax(np.isfinite(self._values))))
        return np.unique(np.linspace(min(first, length - 2), length - 2, ORIGINS).astype(np.int64))

    def _recency(self, targets: Ints) -> Floats:
        length = len(self._values)
        return np.asarray(0.5 ** ((length - targets) / (HALF_LIFE * length)), dtype=np.float64)

    def _between(self, steps: Ints, rows: Floats) -> Floats:
        """A row for each step, interpolated between buckets over the logarithm of the horizon."""
        where = np.log(steps)
        return np.stack([np.interp(where, self._centres, column) for column in rows.T], axis=1)


def _windows(length: int, day: int) -> tuple[int, ...]:
    """Steps that levels are taken over: an hour, a quarter of a day, … or parts of the history."""
    wanted = (day // 24, day // 4, 3, day, 7 * day) if day else (3, 8, length // 8, length // 3)
    return tuple(dict.fromkeys(width for width in wanted if 1 < width <= max(2, length // 2)))


def _sampled(ahead: int) -> Ints:
    """The horizons to learn at: close together at first, then ever farther apart."""
    return np.unique(np.rint(np.geomspace(1, ahead, BUCKETS * IN_BUCKET)).astype(np.int64))
