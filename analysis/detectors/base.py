"""What every detector of rows shares: it says a p-value, calibrated on rows it did not learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from analysis.detectors.calibration import Floats, Tail

Departure = Callable[[Floats], Floats]

LARGEST: Final = 1e100
"""Values are cut to this, and to 0 below its inverse, so that their squares stay finite."""
FOLDS: Final = 3
"""Rows are held out in as many whole stretches, as neighbours in time resemble each other."""


class RowDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Base of detectors that judge each row by itself, against rows of health.

    A subclass learns a departure, which is larger the less a row is like health. Its p-value is
    the share of healthy rows, each judged by a model that did not see it, that departed as far.
    Rows with a gap are not learned, and are not judged: p NaN, predicted 1.
    """

    alpha: float

    def _learn(self, rows: Floats) -> Departure:
        """Departure of rows, learned from complete rows of health; it must pickle."""
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any = None) -> RowDetector:  # noqa: N803  scikit-learn's name
        """Learn health, shape (n_samples, n_features); ValueError where every row has a gap."""
        rows = self._rows(X, reset=True)
        rows = rows[np.isfinite(rows).all(axis=1)]
        if len(rows) == 0:
            raise ValueError("every row has a gap; a detector learns from rows without one")
        self.departure_: Any = self._learn(rows)
        self.tail_ = Tail(least=1)
        for judged in self._held_out(rows):
            self.tail_.learn(judged)
        self.offset_ = float(np.log10(self.alpha))
        return self

    def _held_out(self, rows: Floats) -> list[Floats]:
        if len(rows) <= FOLDS:
            return [self.departure_(rows)]
        fold = np.arange(len(rows)) * FOLDS // len(rows)
        return [self._learn(rows[fold != k])(rows[fold == k]) for k in range(FOLDS)]

    def p_values(self, X: Any) -> Floats:  # noqa: N803
        """How often health departs as far as each row, in (0, 1]; NaN for rows with a gap."""
        check_is_fitted(self)
        rows = self._rows(X, reset=False)
        known = np.isfinite(rows).all(axis=1)
        p = np.full(len(rows), np.nan)
        if known.any():
            p[known] = self.tail_.p(self.departure_(rows[known]))
        return p

    def score_samples(self, X: Any) -> Floats:  # noqa: N803
        """log10 of the p-value: lower is more abnormal; 0 for rows with a gap."""
        return np.nan_to_num(np.log10(self.p_values(X)), nan=0.0)

    def decision_function(self, X: Any) -> Floats:  # noqa: N803
        """Positive where normal, negative where not."""
        return np.asarray(self.score_samples(X) - self.offset_, dtype=np.float64)

    def predict(self, X: Any) -> NDArray[np.int64]:  # noqa: N803
        """1 for rows like health, -1 for rows that health would show less often than `alpha`."""
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def _rows(self, X: Any, *, reset: bool) -> Floats:  # noqa: N803
        """Rows as floats; an infinite value is a gap, as a missing one is."""
        rows = validate_data(self, X, dtype=np.float64, ensure_all_finite=False, reset=reset)
        cut = np.where(np.abs(rows) < 1 / LARGEST, 0.0, np.clip(rows, -LARGEST, LARGEST))
        return np.where(np.isfinite(rows), cut, np.nan)
