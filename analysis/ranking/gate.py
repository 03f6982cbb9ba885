"""Whether the symptom is an incident at all: its shift against those of healthy windows."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from analysis.ranking.excess import direction, excess
from analysis.ranking.rank import ANOMALOUS_Z
from analysis.ranking.scene import Floats, Measured

ALPHA: Final = 0.02
"""Share of healthy windows that may be called incidents."""


def is_incident(symptom: Measured) -> bool:
    """Whether so large a shift is both rarer than `ALPHA` in health and clear of the noise."""
    said = excess(symptom, direction(symptom))
    if said is None or said.z <= ANOMALOUS_Z:
        return False
    chance = p_value(symptom)
    return chance is None or chance <= ALPHA


def p_value(symptom: Measured) -> float | None:
    """Share of healthy windows whose level shifts as far the same way; None where none is known."""
    rows = len(symptom.before)
    shifts = _shifts(symptom.usual, rows, len(symptom.during))
    known = [part[~np.isnan(part)] for part in (symptom.before, symptom.during)]
    if not len(shifts) or not all(map(len, known)):
        return None
    here = float(known[1].mean() - known[0].mean())
    sign = direction(symptom)
    return float((1 + np.count_nonzero(sign * shifts >= sign * here)) / (1 + len(shifts)))


def _shifts(series: Floats, before: int, during: int) -> Floats:
    if len(series) < before + during or not before:
        return np.empty(0)
    windows = sliding_window_view(series, before + during)
    whole = windows[~np.isnan(windows).any(axis=1)]
    shifts: Floats = whole[:, before:].mean(axis=1) - whole[:, :before].mean(axis=1)
    return shifts
