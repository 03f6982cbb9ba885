"""What others rank by, each in a few lines from its paper, to run beside ours on the same scene."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from analysis.ranking.scene import Floats, Measured, Scene

Order = Callable[[Scene], list[str]]


def correlation(scene: Scene) -> list[str]:
    """Anomalous entities by how closely they move with the symptom in the window's rows."""
    symptom = _window(scene.measured[scene.symptom])
    scores = {
        entity: abs(_pearson(_window(scene.measured[entity]), symptom))
        for entity in scene.reachable()
        if entity != scene.symptom and _sigmas(scene.measured[entity]) > 3
    }
    return _best_first(scores)


def traversal(scene: Scene) -> list[str]:
    """Anomalous entities without an anomalous callee, over anomalous ones alone."""
    odd = {entity for entity in scene.reachable() if _sigmas(scene.measured[entity]) > 3}
    seen, waiting = set[str](), [scene.symptom]
    while waiting:
        entity = waiting.pop()
        if entity not in seen:
            seen.add(entity)
            waiting += sorted(scene.calls.get(entity, frozenset()) & odd)
    deepest = {e for e in seen & odd if not scene.calls.get(e, frozenset()) & odd}
    scores = {entity: _sigmas(scene.measured[entity]) for entity in deepest}
    return _best_first(scores)


def regression(scene: Scene) -> list[str]:
    """CIRCA (KDD 2022): the entity whose change its callees' regression explains least."""
    scores = {}
    for entity in scene.reachable():
        callees = sorted(scene.calls.get(entity, frozenset()) & scene.measured.keys())
        residual = _residual(scene.measured[entity], [scene.measured[c] for c in callees])
        if not np.isnan(residual):
            scores[entity] = residual
    return _best_first(scores)


def sigmas(scene: Scene) -> list[str]:
    """n-sigma, as BARO does robustly (FSE 2024): the largest deviation from before."""
    scores = {entity: _sigmas(scene.measured[entity]) for entity in scene.reachable()}
    return _best_first({entity: z for entity, z in scores.items() if not np.isnan(z)})


def random_walk(scene: Scene) -> list[str]:
    """Visits of a walk along calls that prefers entities moving with the symptom."""
    entities = scene.reachable()
    symptom = _window(scene.measured[scene.symptom])
    pull = {e: abs(_pearson(_window(scene.measured[e]), symptom)) + 0.01 for e in entities}
    share = dict.fromkeys(entities, 1 / len(entities))
    for _ in range(50):
        fresh = dict.fromkeys(entities, 0.15 / len(entities))
        for entity, held in share.items():
            towards = sorted(scene.calls.get(entity, frozenset()) & pull.keys()) or entities
            total = sum(pull[e] for e in towards)
            for callee in towards:
                fresh[callee] += 0.85 * held * pull[callee] / total
        share = fresh
    return _best_first(share)


PEERS: Mapping[str, Order] = {
    "correlation": correlation,
    "traversal": traversal,
    "regression": regression,
    "sigmas": sigmas,
    "random_walk": random_walk,
}


def _best_first(scores: Mapping[str, float]) -> list[str]:
    return sorted(scores, key=lambda entity: (-scores[entity], entity))


def _window(measured: Measured) -> Floats:
    return np.concatenate([measured.before, measured.during])


def _sigmas(measured: Measured) -> float:
    usual = measured.usual[~np.isnan(measured.usual)]
    if not len(usual) or np.isnan(measured.during).all():
        return float("nan")
    spread = usual.std() or 1e-9
    return float(np.nanmax(np.abs(measured.during - usual.mean())) / spread)


def _pearson(left: Floats, right: Floats) -> float:
    known = ~np.isnan(left) & ~np.isnan(right)
    if known.sum() < 3 or left[known].std() == 0 or right[known].std() == 0:
        return 0.0
    return float(np.corrcoef(left[known], right[known])[0, 1])


def _residual(own: Measured, callees: list[Measured]) -> float:
    factors = [callee.usual for callee in callees if not np.isnan(callee.usual).all()]
    fitted = [callee for callee in callees if not np.isnan(callee.usual).all()]
    table = np.column_stack([own.usual, *factors]) if len(own.usual) else np.empty((0, 1))
    table = table[~np.isnan(table).any(axis=1)]
    if len(table) < 10 or np.isnan(own.during).all():
        return float("nan")
    design = np.column_stack([np.ones(len(table)), table[:, 1:]])
    weights, *_ = np.linalg.lstsq(design, table[:, 0], rcond=None)
    spread = (table[:, 0] - design @ weights).std() or 1e-9
    now = np.column_stack([np.ones(len(own.during)), *[callee.during for callee in fitted]])
    left = own.during - np.where(np.isnan(now), 0.0, now) @ weights
    return float(np.nanmax(np.abs(left)) / spread)
