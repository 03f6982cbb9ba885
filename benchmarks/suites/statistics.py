"""The little statistics that every benchmark's summary needs."""

from __future__ import annotations

import math

Z_95 = 1.959964


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % score interval of a share (Wilson, JASA 1927)."""
    if not of:
        return (0.0, 1.0)
    share, z2 = hits / of, Z_95**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    reach = Z_95 / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return (max(0.0, middle - reach), min(1.0, middle + reach))
