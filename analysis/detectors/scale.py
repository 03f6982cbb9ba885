"""A robust centre and spread, with a floor that has no unit."""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis.detectors.calibration import Floats
from analysis.detectors.level import IQR_TO_SIGMA, MAD_TO_SIGMA

FLOOR: Final = 1e-3
"""Least spread, as a share of the level."""


def center(rows: Floats) -> Floats:
    """Median of each column; (n, k) in, (k,) out."""
    return np.asarray(np.median(rows, axis=0), dtype=np.float64)


def spread(rows: Floats, level: Floats, floor: float = FLOOR) -> Floats:
    """Robust sigma of each column, at least `floor` of its level; 1 for a column that is all 0.

    The larger of the two estimates by median deviation and by quartiles, as either is 0 for a
    column that is often the same.
    """
    middle = np.median(rows, axis=0)
    mad = np.median(np.abs(rows - middle), axis=0) * MAD_TO_SIGMA
    high, low = np.percentile(rows, [75, 25], axis=0)
    least = floor * np.abs(level)
    found = np.maximum(np.maximum(mad, (high - low) * IQR_TO_SIGMA), least)
    moved = np.ptp(rows, axis=0)
    return np.where(found > 0, found, np.where(moved > 0, moved, 1.0))
