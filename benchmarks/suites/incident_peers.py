"""What others rank by, on generated incidents: entities alone, since none of them knows kinds.

They rank one metric per entity; each entity is given the one that moved most, in sigmas.
"""

from __future__ import annotations

import numpy as np

from analysis.evidence import Evidence
from analysis.graph import GATEWAY, build
from analysis.ranking.scene import Floats, Measured, Scene
from benchmarks.suites.peers import PEERS

SERVICE = "service"


def ranks(evidence: Evidence, truth: list[str]) -> dict[str, int | None]:
    """The place that each peer gives the first true entity."""
    scene = scene_of(evidence)
    orders = {name: order(scene) for name, order in PEERS.items()}
    return {
        name: min((order.index(one) + 1 for one in truth if one in order), default=None)
        for name, order in orders.items()
    }


def scene_of(evidence: Evidence) -> Scene:
    """Entities and who depends on whom; the symptom is the service itself."""
    measured = _measured(evidence)
    symptom = f"{SERVICE}/{evidence.service}"
    owned = [entity for entity in measured if entity != symptom]
    graph = build(owned, evidence.placement, evidence.spans)
    calls = {entity: frozenset(graph.below(entity)) for entity in graph.entities}
    nothing = np.full(1, np.nan)
    measured.setdefault(symptom, Measured(nothing, nothing, nothing, nothing))
    return Scene(symptom, {**calls, symptom: frozenset({"clients", GATEWAY})}, measured)


def _measured(evidence: Evidence) -> dict[str, Measured]:
    start = evidence.window.start_ns
    grid = np.sort(evidence.series["ts_ns"].unique().to_numpy())
    healthy = grid < start
    best: dict[str, tuple[float, Floats]] = {}
    keyed = evidence.series.sort("entity", "quantity", "part", "ts_ns")
    for (entity, *_), rows in keyed.group_by("entity", "quantity", "part", maintain_order=True):
        values = np.full(len(grid), np.nan)
        values[np.searchsorted(grid, rows["ts_ns"].to_numpy())] = rows["value"].to_numpy()
        apart = _apart(values[healthy], values[~healthy])
        if apart > best.get(str(entity), (-1.0, values))[0]:
            best[str(entity)] = (apart, values)
    ones, few = np.ones((~healthy).sum()), np.full(2, np.nan)
    return {
        entity: Measured(few, values[~healthy], few, ones, usual=values[healthy])
        for entity, (_, values) in best.items()
    }


def _apart(usual: Floats, during: Floats) -> float:
    known, now = usual[~np.isnan(usual)], during[~np.isnan(during)]
    if not len(known) or not len(now):
        return 0.0
    spread = float(known.std()) or float(np.abs(now - known.mean()).max()) or 1.0
    return float(np.abs(now - known.mean()).max()) / spread
