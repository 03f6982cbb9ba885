"""One series, row by row: how surprising is each value, given those before it and no others?"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.detectors.alarms import Latch
from analysis.detectors.calibration import Floats, Tail
from analysis.detectors.neighbours import nearest
from analysis.detectors.views import lookback, views

Scaling = Callable[[Floats], Floats]

DAY: Final = 86_400.0
HOUR: Final = 3_600.0
REFIT: Final = 25
"""Rows after which what was seen is learned; a fixed grid, so that chunks change nothing."""
MOST: Final = 5.0
"""What one view can say at most, in decades of p: no single one decides."""
LEAST_PERIOD: Final = 12
DIGITS: Final = 9
LEAST_SPREAD: Final = 1e-9
FAR: Final = 1e6
"""Values are cut this many spreads from the centre, so that squares stay finite."""


@dataclass(frozen=True)
class Scored:
    """For each row: `surprise` in decades of p (NaN: not known), `p`, and `alarm` (0: none).

    `surprise` is the mean of -log10 p over the views; `p` is its own upper tail over the past,
    which is uniform while nothing changes.
    """

    surprise: Floats
    p: Floats
    alarm: Floats


class SeriesStream:
    """Online detector of one series: feed it rows in any chunks, the answer is the same.

    Views of the series (step, height, level, calm, shape, usual course of the day) are each
    turned into a p-value by their own past; their mean in decades is the surprise. Nothing in it
    has a unit: the series is measured in spreads of its own warm-up. Missing and infinite values
    are scored NaN and count as the last value known for the rows after them. The past is kept: a
    hundred bytes a row, so a stream that never ends is begun anew now and then.

    Args:
        warmup: rows to look at before the first score; half of them set the scale.
        step: seconds between rows; gives the usual day its length. None: no usual day.
        threshold: surprise from which a row is an alarm.
        hold: share of the warm-up for which an alarm holds.
    """

    def __init__(
        self,
        warmup: int,
        step: float | None = None,
        *,
        threshold: float = 1.2,
        hold: float = 0.2,
        hold_elapsed: float = 0.03,
    ) -> None:
        self.warmup = warmup
        period = round(DAY / step) if step else 0
        self._period = period if period >= LEAST_PERIOD else None
        self._views = views(self._period, HOUR / step if step else 0.0)
        self._ready = max(warmup // 2, 20)
        self._tails = {name: Tail() for name in (*self._views, "shape")}
        self._whole = Tail()
        self._latch = Latch(threshold, lambda row: max(hold * warmup, hold_elapsed * row))
        self._series: Floats = np.empty(0)
        self._missing = np.empty(0, dtype=bool)
        self._unlearned: dict[str, Floats] = {}
        self._scale: tuple[float, float] | None = None
        self._done = 0

    def extend(self, values: ArrayLike) -> Scored:
        """Score the next rows; shape (n,) in, three of shape (n,) out."""
        fresh = np.asarray(values, dtype=np.float64).ravel()
        self._take(fresh)
        count = len(self._series)
        surprise, p = np.full(len(fresh), np.nan), np.full(len(fresh), np.nan)
        if count >= self._ready:
            if self._scale is None:
                self._settle()
            begin = self._done
            scored, likely = self._score(begin, self._look(begin))
            shown = min(len(fresh), count - begin)
            surprise[len(fresh) - shown :] = scored[len(scored) - shown :]
            p[len(fresh) - shown :] = likely[len(likely) - shown :]
            self._done = count
        late = np.arange(count - len(fresh), count) >= self.warmup
        return Scored(surprise, p, self._latch.extend(np.where(late, surprise, np.nan)))

    def _take(self, fresh: Floats) -> None:
        """Add rows, in spreads where the scale is known; a gap is the last value known."""
        missing = ~np.isfinite(fresh)
        held = _filled(fresh, missing, self._series[-1] if len(self._series) else np.nan, self._in)
        self._series = np.concatenate([self._series, held])
        self._missing = np.concatenate([self._missing, missing])

    def _in(self, values: Floats) -> Floats:
        if self._scale is None:
            return values
        center, spread = self._scale
        cut = np.clip((values - center) / spread, -FAR, FAR)
        return np.asarray(np.round(cut, DIGITS), dtype=np.float64)

    def _settle(self) -> None:
        """Take centre and spread from the first rows, and measure all rows so far in them."""
        early = self._series[: self._ready]
        early = early[np.isfinite(early)]
        center = float(np.median(early)) if len(early) else 0.0
        self._scale = center, _spread(early, center)
        self._series = np.nan_to_num(self._in(self._series), nan=0.0)

    def _look(self, begin: int) -> dict[str, Floats]:
        """Every view of the rows from `begin` on; NaN where the row is missing."""
        start = max(0, begin - lookback(self._period))
        seen = {
            name: view(self._series[start:])[begin - start :] for name, view in self._views.items()
        }
        seen["shape"] = nearest(self._series, begin)
        missing = self._missing[begin:]
        return {name: np.where(missing, np.nan, np.round(v, DIGITS)) for name, v in seen.items()}

    def _score(self, begin: int, seen: dict[str, Floats]) -> tuple[Floats, Floats]:
        """Surprise and p of the rows from `begin` on, learning on the grid."""
        count = len(self._series)
        surprise, p = np.full(count - begin, np.nan), np.full(count - begin, np.nan)
        for first, last in self._grid(begin, count):
            rows = slice(first - begin, last - begin)
            block = {name: values[rows] for name, values in seen.items()}
            if first >= self._ready:
                surprise[rows] = self._surprise(block)
                p[rows] = self._whole.p(surprise[rows])
            self._remember({**block, "": surprise[rows]})
            if last >= self._ready and (last - self._ready) % REFIT == 0:
                self._learn()
        return surprise, p

    def _grid(self, begin: int, end: int) -> list[tuple[int, int]]:
        """Parts of [begin, end) that share what was learned before them."""
        marks = range(self._ready, end, REFIT)
        edges = [begin, *(mark for mark in marks if mark > begin), end]
        return list(itertools.pairwise(edges))

    def _surprise(self, block: dict[str, Floats]) -> Floats:
        decades = np.array(
            [-np.log10(self._tails[name].p(values)) for name, values in block.items()]
        )
        known = np.isfinite(decades)
        total = np.where(known, np.minimum(decades, MOST), 0.0).sum(axis=0)
        with np.errstate(invalid="ignore"):
            return np.asarray(total / known.sum(axis=0), dtype=np.float64)

    def _remember(self, block: dict[str, Floats]) -> None:
        for name, values in block.items():
            before = self._unlearned.get(name)
            self._unlearned[name] = values if before is None else np.concatenate([before, values])

    def _learn(self) -> None:
        for name, values in self._unlearned.items():
            (self._tails[name] if name else self._whole).learn(values)
        self._unlearned = {}


def _filled(fresh: Floats, missing: NDArray[np.bool_], last: float, scaled: Scaling) -> Floats:
    """`fresh` scaled, each missing row as the last known one, or as `last` at the beginning."""
    latest = np.maximum.accumulate(np.where(missing, -1, np.arange(len(fresh))))
    held = scaled(fresh)[latest] if len(fresh) else fresh
    return np.where(latest >= 0, held, last)


def _spread(values: Floats, center: float) -> float:
    """Spread between the 5th and 95th percentile; for a line that hardly moved, its own size."""
    if len(values) == 0:
        return 1.0
    low, high = np.percentile(values, [5, 95])
    floor = LEAST_SPREAD * abs(center)
    for spread in (high - low, np.ptp(values), abs(center)):
        if spread > floor and np.isfinite(spread):
            return float(spread)
    return 1.0
