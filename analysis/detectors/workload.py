"""Slower because the work was more, or slower by itself?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.detectors.base import Departure, RowDetector
from analysis.detectors.calibration import Floats
from analysis.detectors.scale import center, spread

ROUNDS = 10
HUBER = 1.345
FAR = 1e9
DIGITS = 9


@dataclass(frozen=True)
class _Adjusted:
    """Residual of column 0 given the others, in sigmas widened where the work is new."""

    weights: Floats
    level: Floats
    scale: Floats
    inverse: Floats
    sigma: float

    def residual(self, rows: Floats) -> Floats:
        """Signed sigmas."""
        design = _design((rows[:, 1:] - self.level) / self.scale)
        leverage = np.einsum("ij,jk,ik->i", design, self.inverse, design)
        expected = design @ self.weights
        return np.asarray(
            (rows[:, 0] - expected) / (self.sigma * np.sqrt(1 + np.maximum(leverage, 0))),
            dtype=np.float64,
        )

    def __call__(self, rows: Floats) -> Floats:
        # What rounding alone leaves is nothing.
        return np.asarray(np.round(np.abs(self.residual(rows)), DIGITS), dtype=np.float64)


class WorkloadAdjusted(RowDetector):
    """Column 0 (a time) judged given the work it was for, the columns after it.

    The time is a robust linear function of the work (tokens in, tokens out, requests at once):
    longer prompts that take longer are usual, equal prompts that do are not. Work unlike any seen
    widens what is usual, by its leverage. Without columns of work it is a plain level test.

    Args:
        alpha: `predict` says -1 for rows that health shows less often.
    """

    def __init__(self, alpha: float = 0.01) -> None:
        self.alpha = alpha

    def _learn(self, rows: Floats) -> Departure:
        level = center(rows[:, 1:])
        scale = spread(rows[:, 1:], level)
        design = _design((rows[:, 1:] - level) / scale)
        weights = _huber(design, rows[:, 0])
        left = rows[:, 0] - design @ weights
        sigma = _sigma(left, rows[:, 0])
        inverse = np.asarray(np.linalg.pinv(design.T @ design), dtype=np.float64)
        return _Adjusted(weights, level, scale, inverse, sigma)

    def residuals(self, X: object) -> Floats:  # noqa: N803  scikit-learn's name
        """Signed sigmas of column 0 beyond what its work explains; NaN for rows with a gap."""
        rows = self._rows(X, reset=False)
        found = np.full(len(rows), np.nan)
        known = np.isfinite(rows).all(axis=1)
        found[known] = self.departure_.residual(rows[known])
        return found


def _design(work: Floats) -> Floats:
    return np.column_stack([np.ones(len(work)), np.clip(work, -FAR, FAR)])


def _huber(design: Floats, times: Floats) -> Floats:
    """Huber's regression by reweighted least squares; slow rows pull no harder than others."""
    trust = np.ones(len(times))
    weights: Floats = np.zeros(design.shape[1])
    for _ in range(ROUNDS):
        root = np.sqrt(trust)
        found, *_ = np.linalg.lstsq(design * root[:, None], times * root, rcond=None)
        weights = np.asarray(found, dtype=np.float64)
        left = times - design @ weights
        sigma = _sigma(left, times)
        trust = np.minimum(1.0, HUBER * sigma / np.maximum(np.abs(left), 1e-12 * sigma))
    return weights


def _sigma(left: Floats, times: Floats) -> float:
    """Spread of what is left, at least a small share of the times' size and of their own spread."""
    size = np.maximum(np.abs(np.median(times)), spread(times[:, None], center(times[:, None])))
    return float(spread(left[:, None], size)[0])
