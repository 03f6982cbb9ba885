"""Did a signal leave the level it had before? Robust, two-sided, free of units."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from analysis.detectors.strays import Strays

Floats = NDArray[np.float64]

ON_ITS_WAY = 0.5
"""Of the threshold: what was this far before it passed it had set out already."""

MAD_TO_SIGMA = 1.4826
IQR_TO_SIGMA = 0.7413


@dataclass(frozen=True)
class Shift:
    """How one series moved: levels before and after, in robust sigmas, and when it began.

    `last` is the level over the final third of what follows the onset (of everything where there
    is none), so that a blip can be told from what lasts, however late in the window it began.
    `onset` is the row of the incident from which it built up to its peak, or None.
    """

    before: float
    after: float
    last: float
    sigmas: float
    onset: int | None

    @property
    def ratio(self) -> float:
        """After over before; infinite when something came out of nothing."""
        return _ratio(self.after, self.before)

    @property
    def last_ratio(self) -> float:
        """The final level over before."""
        return _ratio(self.last, self.before)


def _ratio(after: float, before: float) -> float:
    if before == 0.0:
        return 1.0 if after == 0.0 else float("inf")
    return after / before


class LevelShift(OutlierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Robust two-sided level shift whose scale floor carries no unit.

    `fit` learns each column's median and spread from rows of health. A column that never moved
    gets a floor relative to its own level; one that was always zero is judged by the departure
    itself. Multiplying a column by any factor changes nothing. NaN is missing, and stays so.

    Args:
        threshold: robust sigmas from which `predict` says -1.
        relative_floor: least scale, as a share of the level.
        min_samples: columns with fewer values in `fit` are not judged (NaN).
        weigh_strays: a shift must be more than the single samples of health that were outside
            already, or that could have been: far larger, or far more often.
    """

    def __init__(
        self,
        threshold: float = 4.0,
        relative_floor: float = 0.05,
        min_samples: int = 5,
        *,
        weigh_strays: bool = False,
    ) -> None:
        self.threshold = threshold
        self.relative_floor = relative_floor
        self.min_samples = min_samples
        self.weigh_strays = weigh_strays

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any = None) -> LevelShift:  # noqa: N803  scikit-learn's name
        """Learn the level and spread of health, shape (n_samples, n_features)."""
        rows: Floats = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        known = np.isfinite(rows).sum(axis=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a column of NaN has a NaN median
            center = np.nanmedian(rows, axis=0)
            mad = np.nanmedian(np.abs(rows - center), axis=0) * MAD_TO_SIGMA
            high, low = np.nanpercentile(rows, [75, 25], axis=0)
        spread = np.maximum(mad, (high - low) * IQR_TO_SIGMA)
        # Few samples know their spread badly: widen it as Student's t would.
        spread = spread * (1.0 + 3.0 / np.maximum(known, 1))
        needed = min(self.min_samples, len(rows))
        self.center_ = np.where(known >= needed, center, np.nan)
        self.scale_ = np.maximum(spread, self.relative_floor * np.abs(center))
        self.offset_ = -float(self.threshold)
        self._known = known
        self._strays = self._strays_of(rows - self.center_) if self.weigh_strays else {}
        return self

    def _strays_of(self, departures: Floats) -> dict[tuple[int, int], Strays]:
        """By column and side, where there are any."""
        found = {}
        for side in (1, -1):
            outside = departures * side > self.threshold * self.scale_
            for column in np.flatnonzero(outside.any(axis=0)):
                known = np.isfinite(departures[:, column])
                found[int(column), side] = Strays.among(
                    departures[known, column], outside[known, column]
                )
        return found

    def sigmas(self, X: Any) -> Floats:  # noqa: N803
        """Signed robust sigmas of every value, shape of X; NaN where nothing can be said."""
        check_is_fitted(self)
        rows: Floats = validate_data(
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False
        )
        departure = rows - self.center_
        # Where health was exactly constant at zero there is no scale but the departure's own.
        scale = np.where(self.scale_ > 0, self.scale_, self.relative_floor * np.abs(departure))
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            return np.where(departure == 0, 0.0, departure / scale)

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """Minus the largest departure of each row: lower is more abnormal."""
        worst = np.nan_to_num(np.abs(self.sigmas(X)), nan=0.0).max(axis=1)
        return np.asarray(-worst, dtype=np.float64)

    def decision_function(self, X: Any) -> Floats:  # noqa: N803
        """Positive where normal, negative where not."""
        return np.asarray(self.score_samples(X) - self.offset_, dtype=np.float64)

    def predict(self, X: Any) -> NDArray[np.int64]:  # noqa: N803
        """1 for rows within the threshold, -1 for rows outside it."""
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def shifts(self, X: Any) -> list[Shift | None]:  # noqa: N803
        """One Shift per column over the rows of an incident in order of time; None: no data."""
        rows = np.asarray(X, dtype=np.float64)
        scores = self.sigmas(rows)
        return [
            self._shift(column, rows[:, column], scores[:, column])
            for column in range(rows.shape[1])
        ]

    def _shift(self, column: int, values: Floats, sigmas: Floats) -> Shift | None:
        center = float(self.center_[column])
        known = np.flatnonzero(np.isfinite(values))
        if not np.isfinite(center) or len(known) == 0:
            return None
        smooth = _rolling_median(sigmas[known])
        peak = int(np.argmax(np.abs(smooth)))
        sign = np.sign(smooth[peak])
        outside = np.flatnonzero(smooth * sign > self.threshold) if sign else np.array([], int)
        since = int(outside[0]) if len(outside) else 0
        last = float(np.median(values[known][-max(1, (len(known) - since) // 3) :]))
        everything = float(np.median(values[known]))
        if len(outside) == 0:
            return Shift(center, everything, last, float(smooth[peak]), None)
        level = float(np.median(values[known][outside]))
        began = _onset(smooth[: peak + 1] * sign, self.threshold)
        # At its ends a rolling median is a single sample, and that is no level.
        inside = _rolling_median(values[known] - center)[1:-1] * sign
        farthest = float(inside.max(initial=0.0))
        beyond = self._beyond(column, int(sign), farthest, sigmas[known], began)
        if beyond <= self.threshold:
            return Shift(center, everything, last, sign * beyond, None)
        return Shift(center, level, last, sign * min(abs(smooth[peak]), beyond), int(known[began]))

    def _beyond(self, column: int, side: int, size: float, sigmas: Floats, began: int) -> float:
        """How far a departure is beyond what single samples of health did, in sigmas."""
        if not self.weigh_strays:
            return np.inf
        strays = self._strays.get((column, side)) or Strays.none(int(self._known[column]))
        away = sigmas * side
        while began and away[began - 1] > self.threshold * ON_ITS_WAY:
            began -= 1
        outside = np.flatnonzero(away[began:] > self.threshold * ON_ITS_WAY)
        lasted = int(outside[-1]) + 1 if len(outside) else 1
        # What goes on at the end was not looked for, unless it is a single sample.
        goes_on = began + lasted == len(sigmas) and len(outside) > 1
        looks = 1 if goes_on else len(sigmas)
        return strays.beyond(size, len(outside), lasted, looks)


def _onset(sigmas: Floats, threshold: float) -> int:
    """The row from which the departure built up to the last one, by Page's cumulative sum.

    The sum is over what exceeds the threshold, cut at twice it: an early blip that healed before
    is forgotten, a gap in what goes on is not. Page, "Continuous inspection schemes", 1954.
    """
    gains = np.minimum(sigmas, 2 * threshold) - threshold
    total = np.concatenate([[0.0], np.cumsum(gains)])
    return int(np.flatnonzero(total[:-1] == total[:-1].min())[-1])


def _rolling_median(values: Floats, width: int = 3) -> Floats:
    """Median over `width` neighbours, so that one wild sample is no level."""
    if len(values) < width:
        return np.full(len(values), np.median(values))
    padded = np.pad(values, width // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    return np.asarray(np.median(windows, axis=1), dtype=np.float64)
