"""How unlike the last few rows are to every stretch of the past: the nearest one's distance."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from analysis.detectors.calibration import Floats

WIDTH: Final = 8
"""Rows in a stretch."""
BLOCK: Final = 256
"""Rows that share one choice of the past, so that streaming and batch see the same."""
MOST: Final = 1500
"""Stretches kept for comparison, evenly spaced."""


def nearest(series: Floats, first: int) -> Floats:
    """Distance of each row's last stretch to the nearest earlier one, from row `first` on.

    The left discord of a series (Yeh et al., ICDM 2016), without normalisation: a level never
    seen is as much news as a shape never seen. NaN while the past is too short.
    """
    stretches = sliding_window_view(series, WIDTH) if len(series) >= WIDTH else np.empty((0, WIDTH))
    distances = np.full(len(series) - first, np.nan)
    for block in range(first // BLOCK * BLOCK, len(series), BLOCK):
        past = block - WIDTH + 1  # stretches that end before the block begins
        if past < 2 * WIDTH:
            continue
        chosen = stretches[np.linspace(0, past - 1, min(past, MOST)).astype(int)]
        begin, end = max(block, first), min(block + BLOCK, len(series))
        own = stretches[begin - WIDTH + 1 : end - WIDTH + 1]
        distances[begin - first : end - first] = _least_distance(own, chosen)
    return distances


def _least_distance(own: Floats, others: Floats) -> Floats:
    closeness = own @ others.T  # the nearest has the greatest product less half its own square
    closeness -= (others**2).sum(axis=1) / 2
    apart = own - others[closeness.argmax(axis=1)]
    return np.asarray(np.sqrt((apart**2).sum(axis=1)), dtype=np.float64)
