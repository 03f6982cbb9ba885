"""Fill a gap in an entity's rows by a neighbour that moves as it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from analysis.ranking.scene import Floats, Measured, Scene

COMMON: Final = 3
"""So many rows must be known of both."""


def filled(scene: Scene) -> Scene:
    """The scene with gaps filled from callers and callees, and theirs; what none tells stays a gap.

    Time and failures are inherited along calls, so what a callee loses in a row its callers lose.
    """
    rows = {name: np.concatenate([it.before, it.during]) for name, it in scene.measured.items()}
    near = _near(scene)
    whole: dict[str, Measured] = {}
    for name, measured in scene.measured.items():
        if np.isnan(rows[name]).any():
            guides = [rows[other] for other in sorted(near[name])]
            values = _filled(rows[name], guides, measured.usual)
            split = len(measured.before)
            whole[name] = replace(measured, before=values[:split], during=values[split:])
    return replace(scene, measured={**scene.measured, **whole})


def _near(scene: Scene) -> Mapping[str, set[str]]:
    """Entities up to two calls away."""
    beside: dict[str, set[str]] = {name: set() for name in scene.measured}
    for caller, callees in scene.calls.items():
        for callee in callees & beside.keys():
            if caller in beside and caller != callee:
                beside[caller].add(callee)
                beside[callee].add(caller)
    return {
        name: set().union(once, *(beside[other] for other in once)) - {name}
        for name, once in beside.items()
    }


def _filled(values: Floats, guides: Iterable[Floats], usual: Floats) -> Floats:
    """Gaps by the line through the guide that fits best, within what was ever seen."""
    seen = np.concatenate([values, usual])
    if np.isnan(values).all():
        return values
    result, best = values.copy(), np.zeros(len(values))
    for guide in guides:
        both = ~np.isnan(values) & ~np.isnan(guide)
        fit = _line(guide[both], values[both])
        if fit is None:
            continue
        sure, slope, start = fit
        better = np.isnan(values) & ~np.isnan(guide) & (sure > best + 1e-9)
        told = np.clip(start + slope * guide, np.nanmin(seen), np.nanmax(seen))
        result, best = np.where(better, told, result), np.where(better, sure, best)
    return result


def _line(x: Floats, y: Floats) -> tuple[float, float, float] | None:
    """Adjusted share explained, slope and start of the line; None where it does not rise."""
    if len(x) < COMMON or x.std() == 0 or y.std() == 0:
        return None
    r = float(np.corrcoef(x, y)[0, 1])
    sure = 1.0 - (1.0 - r * r) * (len(x) - 1) / (len(x) - 2)
    if r <= 0 or sure <= 0:
        return None
    slope = r * float(y.std() / x.std())
    return sure, slope, float(y.mean()) - slope * float(x.mean())
