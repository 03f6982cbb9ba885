"""How far to trust each expert: the mixture that would have erred least on the series' own past."""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis.forecast.series import Floats

ROUNDS: Final = 15
RATE: Final = 2.0
TEMPERATURE: Final = 0.05
DOUBT: Final = 0.1
FARTHEST: Final = 30.0
LEAST: Final = 1e-300


def mixtures(said: Floats, truth: Floats, credit: Floats) -> Floats:
    """Convex weights for each bucket of horizons, by exponentiated gradient on absolute error.

    `said` has the shape (buckets, samples, experts), `truth` and `credit` (buckets, samples);
    samples with a credit of 0 do not count. Convex, so that the forecast has the unit of its data.
    Source: Kivinen and Warmuth, Information and Computation 132 (1997).
    """
    share = (credit / np.maximum(credit.sum(axis=1, keepdims=True), LEAST))[:, None, :]
    off = said - truth[..., None]
    losses = (share @ np.abs(off))[:, 0]
    least = np.maximum(losses.min(axis=1, keepdims=True), LEAST)
    weights = _normal(np.exp((1 - losses / least) / TEMPERATURE))
    weights = (1 - DOUBT) * weights + DOUBT / said.shape[2]
    total = np.zeros_like(weights)
    for turn in range(ROUNDS):
        error = (off @ weights[..., None])[..., 0]
        gradient = ((share[:, 0] * np.sign(error))[:, None, :] @ off)[:, 0]
        gradient -= gradient.min(axis=1, keepdims=True)
        move = np.minimum(RATE / (1 + turn) ** 0.5 * gradient / least, FARTHEST)
        weights = _normal(weights * np.exp(-move))
        total += weights * (turn + 1)
    return _normal(total)


def _normal(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)
