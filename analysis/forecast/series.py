"""A measured series on an even grid, where what was not measured stays missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from exporters.errors import UsageError

Floats = NDArray[np.float64]
DAY: Final = 86_400.0
WEEK: Final = 7 * DAY
MAX_POINTS: Final = 100_000
"""Longer histories lose their oldest part: memory and time stay bounded."""


@dataclass(frozen=True)
class Series:
    """`values[i]` belongs to the moment `start + i * step` (Unix seconds); NaN is missing."""

    start: float
    step: float
    values: Floats

    def __len__(self) -> int:
        return len(self.values)

    @property
    def end(self) -> float:
        """The moment of the first step that is not in the series."""
        return self.start + len(self.values) * self.step

    @property
    def measured(self) -> int:
        """How many steps have a value."""
        return int(np.isfinite(self.values).sum())

    def after(self, ahead: int) -> Floats:
        """The moments of the `ahead` steps that follow."""
        return np.asarray(self.end + np.arange(ahead) * self.step, dtype=np.float64)

    def steps_in(self, seconds: float) -> int:
        """How many steps, rounded, last as long as `seconds`."""
        return round(seconds / self.step)

    def until(self, length: int) -> Series:
        """The first `length` steps."""
        return Series(self.start, self.step, self.values[:length])

    def last(self, seconds: float) -> Series:
        """The newest part, at most `seconds` long."""
        cut = max(0, len(self.values) - max(1, self.steps_in(seconds)))
        return Series(self.start + cut * self.step, self.step, self.values[cut:])


def on_grid(times: ArrayLike, values: ArrayLike, step: float | None = None) -> Series:
    """Samples in any order on an even grid: the mean of each step, NaN where there is none.

    `times` are Unix seconds. Without `step` the commonest distance between samples is taken.
    What is not finite, in time or value, counts as missing. Raises UsageError when the two differ
    in length, or when `step` is no positive number.
    """
    moments, measured = _columns(times, values)
    if step is not None and not (np.isfinite(step) and step > 0):
        raise UsageError(f"a step of {step!r} s is none; give a positive number of seconds")
    known = np.isfinite(moments)
    moments, measured = moments[known], measured[known]
    if not len(moments):
        return Series(0.0, step or 1.0, np.empty(0))
    width = step or _distance(moments)
    newest = float(moments.max())
    start = max(float(moments.min()), newest - (MAX_POINTS - 1) * width)
    kept = moments >= start - width / 2
    places = np.rint((moments[kept] - start) / width).astype(np.int64)
    return Series(start, width, _means(places, measured[kept]))


def counted(times: ArrayLike, step: float, weights: ArrayLike | None = None) -> Series:
    """Events (or their weights, such as tokens) per second in every full step.

    A step without events between the first and the last is a true 0. The last step, cut off by
    the end of the recording, is left out.
    """
    moments, amounts = _columns(times, np.ones(np.size(times)) if weights is None else weights)
    known = np.isfinite(moments) & np.isfinite(amounts)
    moments, amounts = moments[known], amounts[known]
    if not len(moments):
        return Series(0.0, step, np.empty(0))
    start = float(moments.min())
    places = ((moments - start) // step).astype(np.int64)
    if places.max() >= MAX_POINTS:
        raise UsageError(
            f"steps of {step:g} s make more than {MAX_POINTS} of them; give longer steps"
        )
    return Series(start, step, np.bincount(places, amounts)[:-1] / step)


def _columns(times: ArrayLike, values: ArrayLike) -> tuple[Floats, Floats]:
    moments = np.asarray(times, dtype=np.float64).ravel()
    measured = np.asarray(values, dtype=np.float64).ravel()
    if len(moments) != len(measured):
        raise UsageError(
            f"{len(moments)} times and {len(measured)} values; give one value for each time"
        )
    return moments, measured


def _distance(moments: Floats) -> float:
    gaps = np.diff(np.unique(moments))
    return float(np.median(gaps)) if len(gaps) else 1.0


def _means(places: NDArray[np.int64], measured: Floats) -> Floats:
    known = np.isfinite(measured)
    length = int(places.max()) + 1
    count = np.bincount(places[known], minlength=length)
    total = np.bincount(places[known], measured[known], minlength=length)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(count > 0, total / count, np.nan), dtype=np.float64)
