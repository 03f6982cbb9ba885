"""From raw confidence to how often such a verdict was right, on incidents kept for that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

CURVE: Final = Path(__file__).with_name("calibration.json")
"""Written by `python -m benchmarks.calibration`."""

Knots = Sequence[tuple[float, float]]

RAW: Final[Knots] = ((0.0, 0.0), (1.0, 1.0))
"""Leaves every confidence as it is: what a curve is fitted on."""


@cache
def curve() -> Knots:
    """The corners of the committed curve, raw to calibrated, rising."""
    return [(float(x), float(y)) for x, y in json.loads(CURVE.read_text("utf-8"))["knots"]]


def calibrated(confidence: float, knots: Knots) -> float:
    """Straight between the corners; beyond them as the nearest."""
    raw, right = zip(*knots, strict=True)
    return float(np.interp(confidence, raw, right))
