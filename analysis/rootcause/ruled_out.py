"""What was looked at and is not it, each with the number that says so."""

from __future__ import annotations

from analysis import words
from analysis.graph import CLIENTS, GATEWAY
from analysis.rootcause import degrees
from analysis.rootcause.scoring import Candidate
from analysis.rootcause.testimony import Answer, Case, Witness
from analysis.verdict import RuledOut

STEADY_BELOW = 0.15
MOST = 8

LOOKED_AT = {
    "clients": ("fresh_arrivals", "arrivals", "prompt_length"),
    "upstream": ("upstream_time", "upstream_errors"),
    "replica": ("step_time", "attempt_time"),
    "gpu": ("gpu_throttle", "gpu_xid", "gpu_clock", "kernel_slowdown"),
    "node": ("node_cpu",),
}
"""For each kind of entity, the quantities whose calm clears it, most telling first."""


def ruled_out(
    case: Case, named: list[Candidate], others: list[Candidate], silent: set[str]
) -> list[RuledOut]:
    """Hypotheses that spoke up and lost, then the entities that stayed calm.

    A `silent` entity is never cleared: its last words say nothing about the incident.
    """
    accused = {candidate.entity for candidate in named}
    found = [_lost(candidate) for candidate in others]
    told = accused | {item.entity for item in found if item is not None}
    calm = [
        _calm(case, entity)
        for entity in (CLIENTS, GATEWAY, *case.graph.entities)
        if entity not in told | silent
    ]
    items = [item for item in (*found, *calm) if item is not None]
    unique = {(item.entity, item.why): item for item in items}
    return list(unique.values())[:MOST]


def _lost(candidate: Candidate) -> RuledOut | None:
    """A candidate's strongest contradiction, else what its score lacked."""
    against = max(candidate.against, key=lambda a: a.clue.weight * (a.degree or 0.0), default=None)
    kind = candidate.kind.replace("_", " ")
    if against is not None and against.clue.weight * (against.degree or 0.0) > 0.1:
        return RuledOut(entity=candidate.entity, why=f"not {kind}: {_says(against)}")
    missing = [a for a in candidate.supports if (a.degree or 0.0) < 0.3 and a.witness]
    if missing:
        return RuledOut(entity=candidate.entity, why=f"not {kind}: {_says(missing[0])}")
    return None


def _says(answer: Answer) -> str:
    witness = answer.witness
    if witness is None:
        return "the rest of the evidence speaks against it"
    return f"{words.name(witness.entity)}, {words.change(witness)}"


def _calm(case: Case, entity: str) -> RuledOut | None:
    kind = entity.partition("/")[0]
    for quantity in LOOKED_AT.get(kind, ()):
        shift = case.measures.shift(entity, quantity)
        if shift is None:
            continue
        moved = max(degrees.rise(shift) or 0.0, degrees.fall(shift) or 0.0)
        if moved >= STEADY_BELOW:
            return None
        part = case.measures.loudest_part(entity, quantity)
        witness = Witness(entity, quantity, part, shift.before, shift.after)
        return RuledOut(entity=entity, why=f"steady: {words.change(witness)}")
    return None
