"""From many p-values to few findings: false discoveries, persistence, and one p of several."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from analysis.detectors.calibration import LEAST_P, Floats


def adjusted(p: ArrayLike) -> Floats:
    """Benjamini and Hochberg's (JRSSB 1995) adjusted p-values of many tests; shape is kept.

    Taking those below q for findings keeps the expected share of false ones below q. NaN is no
    test, and stays NaN.
    """
    values = np.asarray(p, dtype=np.float64)
    flat = values.ravel()
    known = np.flatnonzero(np.isfinite(flat))
    order = known[np.argsort(flat[known])[::-1]]
    ranks = np.arange(len(known), 0, -1)
    found = np.full(flat.shape, np.nan)
    found[order] = np.minimum.accumulate(np.minimum(flat[order] * len(known) / ranks, 1.0))
    return found.reshape(values.shape)


def persistent(p: ArrayLike, rows: int) -> Floats:
    """p-value that each of the last `rows` rows was unusual: the largest of them, shape (n,).

    It holds however the rows depend on each other. NaN until there are as many rows, and where
    one of them is missing.
    """
    values = np.asarray(p, dtype=np.float64)
    padded = np.concatenate([np.full(rows - 1, np.nan), values])
    return np.asarray(sliding_window_view(padded, rows).max(axis=1), dtype=np.float64)


def combined(p: ArrayLike, axis: int = -1) -> Floats:
    """One p-value of several by the Cauchy combination (Liu and Xie, JASA 2020).

    It holds approximately however the tests depend on each other. NaN is no test; none at all is
    NaN.
    """
    values = np.asarray(p, dtype=np.float64)
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    cut = np.clip(np.where(known, values, 0.5), LEAST_P, 1 - LEAST_P)
    total = np.where(known, np.tan((0.5 - cut) * np.pi), 0.0).sum(axis=axis)
    mean = total / np.maximum(count, 1)
    # arctan loses the far tail, where 1 / (pi x) is exact enough.
    far = mean > 1e8
    tail = np.where(far, 1 / (np.pi * np.where(far, mean, 1.0)), 0.5 - np.arctan(mean) / np.pi)
    return np.where(count > 0, tail, np.nan)
