"""Rank entities by the excess that none of their callees explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

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
    explained = _explained(scene, known)
    candidates = [
        Candidate(entity, said.amount - explained[entity] - said.noise, said.amount, said.z)
        for entity, said in known.items()
    ]
    scale = max((said.amount for said in known.values()), default=0.0) or 1.0
    return sorted(
        candidates,
        key=lambda it: (not it.is_anomalous, -round(it.unexplained / scale, 9), -it.z, it.entity),
    )


def _explained(scene: Scene, known: Mapping[str, Excess]) -> dict[str, float]:
    callers = scene.callers()
    explained = dict.fromkeys(known, 0.0)
    for callee, said in known.items():
        sharing = {
            caller: known[caller].amount for caller in callers.get(callee, []) if caller in known
        }
        total = sum(sharing.values())
        for caller, amount in sharing.items():
            if caller != callee and total > 0:
                explained[caller] += said.amount * amount / total
    return explained
