"""Simple forecasts, each right about something: levels, a damped trend, days and weeks before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis.forecast.series import Floats

Ints = NDArray[np.int64]
CYCLES: Final = 4
WILD: Final = 4.0
LARGEST_RATIO: Final = 4.0
"""No level is taken to be more than this many times its season's: a burst is no new season."""


@dataclass(frozen=True)
class Season:
    """A cycle of `period` steps; `back[k, day]` are the steps to the k-th like day before.

    `day` counts midnights, `block` steps apart; the series begins `offset` steps after the first.
    Without a calendar every day's likes lie k periods back.
    """

    period: int
    back: Ints
    block: int
    offset: int = 0

    def sources(self, targets: Ints) -> Ints:
        """Where to look for each target, nearest cycle first, on the last axis."""
        days = _within((targets + self.offset) // self.block, self.back.shape[1] - 1)
        return np.asarray(targets[..., None] - self.back.T[days], dtype=np.int64)


class Past:
    """Everything the experts ask of a history: running sums over what was measured."""

    def __init__(self, values: Floats, smoothing: int) -> None:
        known = np.isfinite(values)
        self.length = len(values)
        self.smoothing = smoothing
        self._total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
        self._count = np.concatenate([[0], np.cumsum(known)])
        newest = np.maximum.accumulate(np.where(known, np.arange(self.length), -1))
        self.newest = np.where(newest >= 0, values[np.maximum(newest, 0)], np.nan)
        self.smooth = self._window(
            np.arange(self.length) - smoothing, np.arange(self.length) + smoothing + 1
        )

    def mean(self, ends: Ints, width: int) -> Floats:
        """Mean of the `width` steps up to and including each of `ends`; NaN without any."""
        return self._window(ends - width + 1, ends + 1)

    def at(self, places: Ints, origins: Ints) -> Floats:
        """The smoothed value at each place; NaN where it is not known by its origin."""
        known = (places >= 0) & (places + self.smoothing <= origins)
        return np.where(known, self.smooth[_within(places, self.length - 1)], np.nan)

    def _window(self, first: Ints, end: Ints) -> Floats:
        low, high = _within(first, self.length), _within(end, self.length)
        count = self._count[high] - self._count[low]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (self._total[high] - self._total[low]) / count
        return np.asarray(np.where(count > 0, mean, np.nan), dtype=np.float64)


def experts(
    past: Past,
    origins: Ints,
    horizons: Ints,
    *,
    windows: Sequence[int],
    seasons: Sequence[Season],
    multiplicative: bool,
) -> Floats:
    """Every expert's forecast: shape (origins, horizons, experts), none missing.

    `origins` are places of the last known value, `horizons` steps ahead of it. An expert that
    knows nothing yet says what the newest value says.
    """
    shape = (len(origins), len(horizons))
    newest = past.newest[origins]
    levels = [newest, *(past.mean(origins, width) for width in windows)]
    said = [np.broadcast_to(level[:, None], shape) for level in levels]
    said.append(_trend(past, origins, horizons, windows[min(1, len(windows) - 1)]))
    for season in seasons:
        said += _seasonal(past, origins, horizons, season, windows, multiplicative=multiplicative)
    together = np.stack(said, axis=-1)
    return np.where(np.isfinite(together), together, newest[:, None, None])


def _trend(past: Past, origins: Ints, horizons: Ints, width: int) -> Floats:
    """The mean level and its slope, which fades within as many steps as it was seen over."""
    level = past.mean(origins, width)
    slope = (level - past.mean(origins - width, width)) / width
    reach = width / 2 + width * (1 - np.exp(-horizons / width))
    return np.asarray(level[:, None] + slope[:, None] * reach[None, :], dtype=np.float64)


def _seasonal(
    past: Past,
    origins: Ints,
    horizons: Ints,
    season: Season,
    windows: Sequence[int],
    *,
    multiplicative: bool,
) -> list[Floats]:
    """The last cycle, the usual cycle, and both lifted to the level of now."""
    places = season.sources(origins[:, None] + horizons[None, :])
    seen = past.at(places, origins[:, None, None])
    usual = _middle(seen)
    first = _within_the_usual(_first(seen), usual, seen)
    said = [first, usual]
    ends = origins[:, None] - np.arange(1, CYCLES + 1) * season.period
    for width in windows[:2]:
        now = past.mean(origins, width)
        before = np.where(ends - width + 1 >= 0, past.mean(ends, width), np.nan)
        said.append(usual + (now - _middle(before))[:, None])
        if width == windows[0]:
            said.append(first + (now - _first(before))[:, None])
        if multiplicative:
            with np.errstate(invalid="ignore", divide="ignore"):
                ratio = np.minimum(
                    np.maximum(now / _middle(before), 1 / LARGEST_RATIO), LARGEST_RATIO
                )
            said.append(usual * ratio[:, None])
    return said


def _within_the_usual(first: Floats, usual: Floats, cycles: Floats) -> Floats:
    """The last cycle, held to a few times the cycles' usual spread: a wild day is no pattern."""
    reach = WILD * _middle(np.abs(cycles - usual[..., None]))
    reach = np.where(np.isfinite(cycles).sum(axis=-1) > 2, reach, np.inf)
    return np.minimum(np.maximum(first, usual - reach), usual + reach)


def _first(cycles: Floats) -> Floats:
    """The nearest cycle that is known."""
    found = cycles[..., -1]
    for place in range(cycles.shape[-1] - 2, -1, -1):
        found = np.where(np.isfinite(cycles[..., place]), cycles[..., place], found)
    return found


def _middle(cycles: Floats) -> Floats:
    """The median over the cycles that are known: one strange day does not move it."""
    ordered = np.sort(cycles, axis=-1)  # NaN last
    count = np.isfinite(ordered).sum(axis=-1)
    found = ordered[..., 0]
    for known in range(2, cycles.shape[-1] + 1):
        pair = ordered[..., (known - 1) // 2] + ordered[..., known // 2]
        found = np.where(count == known, pair / 2, found)
    return found


def _within(places: Ints, last: int) -> Ints:
    """Places from 0 to `last`; `np.clip` costs several times as much on arrays this small."""
    return np.minimum(np.maximum(places, 0), last)
