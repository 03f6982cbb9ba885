"""What else could score a series row by row: the peers that NAB's table knows, and chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import erfc, sqrt
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.ensemble import IsolationForest

from benchmarks.suites.nab_score import Floats

Detect = Callable[[Floats, int], Floats]

STRETCH: Final = 8
WINDOW: Final = 6400
STEP: Final = 100
EVERY: Final = 0.05


def isolation_forest(values: Floats, probation: int) -> Floats:
    """scikit-learn's IsolationForest on stretches of eight rows, fitted on the probation."""
    rows: Any = sliding_window_view(np.nan_to_num(values), STRETCH)
    forest = IsolationForest(random_state=0).fit(rows[: max(probation - STRETCH + 1, 1)])
    scores = np.zeros(len(values))
    scores[STRETCH - 1 :] = -forest.score_samples(rows)
    return scores


def windowed_gaussian(values: Floats, probation: int) -> Floats:
    """One minus the tail of a Gaussian fitted to the last 6,400 rows, as in NAB.

    Fitted anew each row until there are so many, then every 100 rows.
    """
    scores = np.zeros(len(values))
    for row in range(1, len(values)):
        if row < WINDOW or row % STEP == 0:
            past = values[max(0, row - WINDOW) : row]
            mean, spread = past.mean(), past.std() or 1e-6
        scores[row] = 1 - 0.5 * erfc(abs(values[row] - mean) / spread / sqrt(2))
    return np.nan_to_num(scores)


def chance(values: Floats, probation: int) -> Floats:
    """Uniform noise: NAB's random line."""
    return np.random.default_rng(42).random(len(values))


def periodic(values: Floats, probation: int) -> Floats:
    """An alarm every 5 % of the rows, blind: what spacing alone is worth."""
    every = max(1, int(EVERY * len(values)))
    return np.where(np.arange(len(values)) % every == 0, 1.0, 0.0)


def null(values: Floats, probation: int) -> Floats:
    """Silence."""
    return np.zeros(len(values))


PEERS: Final[Mapping[str, Detect]] = {
    "isolation_forest": isolation_forest,
    "windowed_gaussian": windowed_gaussian,
    "random": chance,
    "periodic": periodic,
    "null": null,
}
