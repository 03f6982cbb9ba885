"""What was looked at and is not it, each with the number that says so."""

from __future__ import annotations

from analysis import words
from analysis.detectors import Shift
from analysis.graph import CLIENTS, GATEWAY
from analysis.language import say
from analysis.rootcause import degrees
from analysis.rootcause.scoring import Candidate
from analysis.rootcause.testimony import Answer, Case, Witness
from analysis.verdict import RuledOut

STEADY_BELOW = 0.15
MOST = 8

LOOKED_AT = {
    "clients": ("fresh_arrivals", "arrivals", "prompt_length"),
    "upstream": ("upstream_time", "upstream_errors"),
    "cache": ("cache_hits", "cache_errors"),
    "replica": ("step_time", "attempt_time"),
    "gpu": ("gpu_clock", "kernel_slowdown", "gpu_throttle", "gpu_xid"),
    "node": ("node_cpu",),
}
"""For each kind of entity, the quantities that must all be calm, the one a person reads first."""


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
    measured = [answer for answer in candidate.against if answer.witness is not None]
    against = max(measured, key=lambda a: a.clue.weight * (a.degree or 0.0), default=None)
    if against is not None and against.clue.weight * (against.degree or 0.0) > 0.1:
        return _not(candidate, against)
    missing = [a for a in candidate.supports if (a.degree or 0.0) < 0.3 and a.witness]
    if missing:
        return _not(candidate, missing[0])
    return None


def _not(candidate: Candidate, answer: Answer) -> RuledOut:
    why = say("not {kind}: {why}", kind=words.cause(candidate.kind), why=_says(candidate, answer))
    return RuledOut(entity=candidate.entity, why=why)


def _says(candidate: Candidate, answer: Answer) -> str:
    witness = answer.witness
    if witness is None:
        return say("the rest of the evidence speaks against it")
    if witness.entity == candidate.entity:
        return words.change(witness)
    entity = words.name(witness.entity)
    return say("{entity}, {change}", entity=entity, change=words.change(witness))


def _calm(case: Case, entity: str) -> RuledOut | None:
    """Clear the entity by the first of its quantities, if every one that was read stayed calm."""
    kind = entity.partition("/")[0]
    parts = {
        quantity: case.measures.parts(entity, quantity) for quantity in LOOKED_AT.get(kind, ())
    }
    read = {quantity: shifts for quantity, shifts in parts.items() if shifts}
    if not read or not all(_steady(shift) for shifts in read.values() for shift in shifts.values()):
        return None
    quantity, shifts = next(iter(read.items()))
    part = case.measures.loudest_part(entity, quantity)
    level = shifts[part]
    # Of nothing at all, no part says more than another.
    named = part if level.before or level.after else ""
    witness = Witness(entity, quantity, named, level.before, level.after)
    return RuledOut(entity=entity, why=say("steady: {change}", change=words.change(witness)))


def _steady(shift: Shift) -> bool:
    return max(degrees.rise(shift) or 0.0, degrees.fall(shift) or 0.0) < STEADY_BELOW
