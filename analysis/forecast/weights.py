"""How far to trust each expert: the mixture that would have erred least on the series' own past."""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis.forecast.series import Floats

ROUNDS: Final = 60
RATE: Final = 2.0
TEMPERATURE: Final = 0.05


def mixtures(said: Floats, truth: Floats, credit: Floats) -> Floats:
    """Convex weights for each bucket of horizons, by exponentiated gradient on absolute error.

    `said` has the shape (buckets, samples, experts), `truth` and `credit` (buckets, samples);
    samples with a credit of 0 do not count. Convex, so that the forecast has the unit of its data.
    Source: Kivinen and Warmuth, Information and Computation 132 (1997).
    """
    share = credit / np.maximum(credit.sum(axis=1, keepdims=True), 1e-300)
    off = said - truth[..., None]
    losses = np.einsum("bn,bne->be", share, np.abs(off))
    least = np.maximum(losses.min(axis=1, keepdims=True), 1e-300)
    weights = _normal(np.exp(-(losses / least - 1) / TEMPERATURE))
    weights = 0.9 * weights + 0.1 / said.shape[2]
    total = np.zeros_like(weights)
    scale = least
    for turn in range(ROUNDS):
        error = np.einsum("bne,be->bn", off, weights)
        gradient = np.einsum("bn,bne->be", share * np.sign(error), off)
        step = RATE / np.sqrt(1 + turn)
        move = (gradient - gradient.min(axis=1, keepdims=True)) / scale
        weights = _normal(weights * np.exp(-np.clip(step * move, 0, 30)))
        total += weights * (turn + 1)
    return _normal(total)


def _normal(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)
