"""Metrics of an entity that rose for good: every row of the window above what was usual."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.ranking.scene import Floats

Metric = tuple[Floats, Floats]
"""Values before the onset and after."""

ALIKE: Final = 0.9
"""Metrics this close to the largest rise tell the same thing twice."""

ROWS: Final = 2
"""One row is a spike; so many are a level."""


@dataclass(frozen=True)
class Rise:
    """`size` is the log ratio of the lowest value since to the level before."""

    metric: str
    size: float


def rises(metrics: Mapping[str, Mapping[str, Metric]]) -> Mapping[str, Rise]:
    """The largest lasting rise of each entity. `metrics`: entity, then metric, to its values.

    The usual level of a metric over all entities is added on both sides, so that a busy hundredth
    of a core is no rise.
    """
    usual = _usual(metrics)
    found = {
        entity: {
            name: size
            for name, (before, since) in of.items()
            if (size := _rise(before, since, usual.get(name, 0.0))) is not None
        }
        for entity, of in metrics.items()
    }
    return {entity: _plainest(metrics[entity], sizes) for entity, sizes in found.items() if sizes}


def _usual(metrics: Mapping[str, Mapping[str, Metric]]) -> dict[str, float]:
    levels: dict[str, list[float]] = {}
    for of in metrics.values():
        for name, (before, _) in of.items():
            if not np.isnan(before).all():
                levels.setdefault(name, []).append(abs(float(np.nanmedian(before))))
    return {name: float(np.median(values)) for name, values in levels.items()}


def _rise(before: Floats, since: Floats, usual: float) -> float | None:
    known = since[~np.isnan(since)]
    if len(known) < ROWS or np.isnan(before).all() or usual <= 0:
        return None
    level = float(np.nanmedian(before))
    lowest = float(known.min())
    if level < 0 or lowest <= level:
        return None
    return math.log((lowest + usual) / (level + usual))


def _plainest(of: Mapping[str, Metric], sizes: Mapping[str, float]) -> Rise:
    """Of metrics that tell the same, the one nearest to a full share: it says what ran out."""
    largest = max(sizes.values())
    alike = sorted(name for name, size in sizes.items() if size >= ALIKE * largest)
    name = min(alike, key=lambda name: (_from_full(of[name][1]), name))
    return Rise(name, largest)


def _from_full(since: Floats) -> float:
    level = float(np.nanmedian(since))
    return min(abs(math.log(level / full)) for full in (1.0, 100.0)) if level > 0 else math.inf
