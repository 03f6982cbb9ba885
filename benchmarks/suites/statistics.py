"""The little statistics that every benchmark's summary needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

Z_95 = 1.959964
Case = TypeVar("Case")


def bootstrap(
    cases: Sequence[Case], figure: Callable[[Sequence[Case]], float], draws: int = 1000
) -> tuple[float, float]:
    """95 % interval of a figure over cases, drawn anew with replacement; seeded."""
    chance = np.random.default_rng(0)
    found = [
        figure([cases[i] for i in chance.integers(0, len(cases), len(cases))]) for _ in range(draws)
    ]
    low, high = np.quantile(found, (0.025, 0.975))
    return (round(float(low), 3), round(float(high), 3))


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % score interval of a share (Wilson, JASA 1927)."""
    if not of:
        return (0.0, 1.0)
    share, z2 = hits / of, Z_95**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    reach = Z_95 / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return (max(0.0, middle - reach), min(1.0, middle + reach))
