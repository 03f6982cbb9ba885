"""Several signals at once: rows whose values are each usual, but not together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sklearn.base import clone
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest

from analysis.detectors.base import Departure, RowDetector
from analysis.detectors.calibration import Floats
from analysis.detectors.scale import center, spread

KEPT: Final = 0.9
"""Share of the variance that counts as how the signals usually move together."""
FAR: Final = 1e9
LITTLE: Final = 1e-3
"""Sigmas."""


@dataclass(frozen=True)
class _Scaled:
    """Rows in robust sigmas of health, scored by a fitted scikit-learn detector."""

    center: Floats
    spread: Floats
    fitted: Any

    def __call__(self, rows: Floats) -> Floats:
        scaled = np.clip((rows - self.center) / self.spread, -FAR, FAR)
        return -np.asarray(self.fitted.score_samples(scaled), dtype=np.float64)


class Calibrated(RowDetector):
    """Any scikit-learn outlier detector, with p-values that mean what they say.

    Args:
        detector: an unfitted one with `score_samples`; None: IsolationForest.
        alpha: `predict` says -1 for rows that health shows less often.
    """

    def __init__(self, detector: Any = None, alpha: float = 0.01) -> None:
        self.detector = detector
        self.alpha = alpha

    def _learn(self, rows: Floats) -> Departure:
        level = center(rows)
        sigma = spread(rows, level)
        chosen = IsolationForest(random_state=0) if self.detector is None else self.detector
        # Columns that are sums of others, or mostly one value, are usual in metrics, but have no
        # covariance to invert: they get a little noise of their own.
        noise = np.random.default_rng(0).normal(0.0, LITTLE, rows.shape)
        fitted = clone(chosen).fit(np.clip((rows - level) / sigma, -FAR, FAR) + noise)
        return _Scaled(level, sigma, fitted)


@dataclass(frozen=True)
class _Residual:
    center: Floats
    spread: Floats
    axes: Floats

    def __call__(self, rows: Floats) -> Floats:
        scaled = np.clip((rows - self.center) / self.spread, -FAR, FAR)
        left = scaled - scaled @ self.axes.T @ self.axes
        return np.asarray((left**2).sum(axis=1), dtype=np.float64)


class ResidualPCA(RowDetector):
    """What is left of a row beyond how the signals usually move together (Jackson, 1979).

    Load that rises everywhere is explained; one signal that leaves the others is not.

    Args:
        kept: share of the variance that the usual directions explain; at least one column's worth
            is always left over to judge by.
        alpha: as in Calibrated.
    """

    def __init__(self, kept: float = KEPT, alpha: float = 0.01) -> None:
        self.kept = kept
        self.alpha = alpha

    def _learn(self, rows: Floats) -> Departure:
        level = center(rows)
        sigma = spread(rows, level)
        columns = rows.shape[1]
        if len(rows) < 2 or columns == 1:
            return _Residual(level, sigma, np.empty((0, columns)))
        # Beyond 10 sigmas, a row says nothing about how the others move together; of rows that are
        # all the same, no direction explains any share.
        with np.errstate(invalid="ignore"):
            pca = PCA().fit(np.clip((rows - level) / sigma, -10, 10))
        share = np.cumsum(np.nan_to_num(pca.explained_variance_ratio_))
        count = min(int(np.searchsorted(share, self.kept)) + 1, columns - 1)
        return _Residual(level, sigma, pca.components_[:count])


def together(alpha: float = 0.01) -> dict[str, RowDetector]:
    """The three ways of looking at rows of several signals, by name."""
    return {
        "isolation_forest": Calibrated(IsolationForest(random_state=0), alpha),
        "robust_covariance": Calibrated(EllipticEnvelope(random_state=0), alpha),
        "pca_residual": ResidualPCA(alpha=alpha),
    }
