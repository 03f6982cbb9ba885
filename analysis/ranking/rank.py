"""Rank entities by the excess that none of their callees explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.ranking.excess import Excess, direction, excess
from analysis.ranking.scene import Scene

ANOMALOUS_Z: Final = 3.0
"""Below it a change is no news; every bar from 0 to 4 names the same causes on PetShop."""


@dataclass(frozen=True)
class Candidate:
    """`unexplained` is what remains of `excess` after the callees', less the noise expected."""

    entity: str
    unexplained: float
    excess: float
    z: float

    @property
    def is_anomalous(self) -> bool:
        return self.z > ANOMALOUS_Z


def rank(scene: Scene) -> list[Candidate]:
    """Every reachable entity, likeliest cause first; ties go by z, then by name.

    Seconds and failures are conserved along calls: what a callee lost, its callers lost with it,
    shared among several callers as their own excess is. What is left was lost in the entity itself.
    """
    symptom = scene.measured.get(scene.symptom)
    if symptom is None:
        return []
    sign = direction(symptom)
    found = {entity: excess(scene.measured[entity], sign) for entity in scene.reachable()}
    known = {entity: said for entity, said in found.items() if said is not None}
    explained = _explained(scene, known, sign)
    candidates = [
        Candidate(entity, said.amount - explained[entity] - said.noise, said.amount, said.z)
        for entity, said in known.items()
    ]
    scale = max((said.amount for said in known.values()), default=0.0) or 1.0
    return sorted(
        candidates,
        key=lambda it: (not it.is_anomalous, -round(it.unexplained / scale, 9), -it.z, it.entity),
    )


def _explained(scene: Scene, known: Mapping[str, Excess], sign: float) -> dict[str, float]:
    callers = scene.callers()
    explained = dict.fromkeys(known, 0.0)
    for callee in known:
        sharing = [caller for caller in callers.get(callee, []) if caller in known]
        total = sum(known[caller].amount for caller in sharing)
        for caller in sharing:
            if caller != callee and total > 0:
                share = known[caller].amount / total
                explained[caller] += share * _inherited(scene, known, caller, callee, sign)
    return explained


def _inherited(
    scene: Scene, known: Mapping[str, Excess], caller: str, callee: str, sign: float
) -> float:
    """What a caller has of its callee's excess, judged by the rows that are known of both.

    A row that is missing of the callee alone would else be the caller's fault: it is the callee's
    in the share that the common rows tell.
    """
    above, below = scene.measured[caller], scene.measured[callee]
    whole, amount = known[caller].amount, known[callee].amount
    if len(above.during) != len(below.during):
        return amount
    both = ~np.isnan(above.during) & ~np.isnan(below.during)
    seen_above, seen_below = excess(above, sign, both), excess(below, sign, both)
    if seen_above is None or seen_below is None or seen_above.amount <= 0:
        return amount
    return min(seen_below.amount * whole / seen_above.amount, max(whole, amount))
