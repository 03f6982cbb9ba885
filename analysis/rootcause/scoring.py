"""Try every hypothesis on every entity and rank what is left."""

from __future__ import annotations

import math
from dataclasses import dataclass

from analysis.rootcause.clue import Hypothesis
from analysis.rootcause.hypotheses import HYPOTHESES
from analysis.rootcause.testimony import Answer, Case

MIDDLE = 0.45
"""The score at which a lone hypothesis is as likely right as wrong."""
STEEPNESS = 9.0
CONSIDERED = 0.15
"""Hypotheses whose needs hold less than this are not considered at all."""
GATE = 0.5
"""A need that holds this far counts fully: how strongly it holds is the supports' affair."""
CLEAR_MARGIN = 0.2
OWN = 0.6
"""So much of the evidence must be a cause's own for it to stand beside another."""
HEARD = 0.1
"""Weaker statements speak for nobody."""


@dataclass(frozen=True)
class Candidate:
    """One hypothesis about one entity, with everything that was said for and against it."""

    hypothesis: Hypothesis
    entity: str
    score: float
    confidence: float
    need: float
    depth: int
    supports: tuple[Answer, ...]
    against: tuple[Answer, ...]

    @property
    def kind(self) -> str:
        return self.hypothesis.kind


def rank(case: Case) -> list[Candidate]:
    """All considered candidates, best first; ties go to the deeper entity, then by name."""
    tried = [
        candidate
        for hypothesis in HYPOTHESES
        for entity in suspects(case, hypothesis)
        if (candidate := _try(case, hypothesis, entity)) is not None
    ]
    tried.sort(key=lambda c: (-round(c.score, 6), -c.depth, c.kind, c.entity))
    return [_with_confidence(candidate, tried) for candidate in tried]


def suspects(case: Case, hypothesis: Hypothesis) -> tuple[str, ...]:
    """The entities a hypothesis can be about."""
    if hypothesis.entity == "service":
        return (f"service/{case.service}",)
    if hypothesis.entity in ("clients", "gateway"):
        return (hypothesis.entity,)
    return case.graph.of_kind(hypothesis.entity)


def _try(case: Case, hypothesis: Hypothesis, entity: str) -> Candidate | None:
    needs = [case.ask(clue, entity) for clue in hypothesis.needs]
    need = max((answer.degree or 0.0 for answer in needs), default=0.0)
    if need < CONSIDERED:
        return None
    supports = tuple(case.ask(clue, entity) for clue in hypothesis.supports)
    against = tuple(case.ask(clue, entity) for clue in hypothesis.against)
    fit, coverage = _fit(supports)
    for answer in against:
        fit *= 1.0 - answer.clue.weight * (answer.degree or 0.0)
    score = fit * min(1.0, need / GATE) * (0.5 + 0.5 * coverage)
    depth = case.graph.depth(entity)
    return Candidate(hypothesis, entity, score, 0.0, need, depth, supports, against)


def _fit(supports: tuple[Answer, ...]) -> tuple[float, float]:
    """Weighted mean of what was measured, and the share of the weights that was."""
    known = [answer for answer in supports if answer.degree is not None]
    weight = sum(answer.clue.weight for answer in known)
    if weight == 0:
        return 0.0, 0.0
    held = sum(answer.clue.weight * (answer.degree or 0.0) for answer in known)
    return held / weight, weight / sum(answer.clue.weight for answer in supports)


def _with_confidence(candidate: Candidate, tried: list[Candidate]) -> Candidate:
    """Logistic in the score, less when a rival of the same family is close."""
    alone = 1.0 / (1.0 + math.exp(-STEEPNESS * (candidate.score - MIDDLE)))
    rival = max((other.score for other in tried if _rivals(candidate, other)), default=0.0)
    clear = min(1.0, max(0.0, (candidate.score - rival) / CLEAR_MARGIN))
    confidence = alone * (0.55 + 0.45 * clear)
    return Candidate(
        candidate.hypothesis, candidate.entity, candidate.score, confidence, candidate.need,
        candidate.depth, candidate.supports, candidate.against,
    )  # fmt: skip


def _rivals(candidate: Candidate, other: Candidate) -> bool:
    """Two tellings of the same facts; the same kind at two entities is two causes instead.

    So are two kinds of which each stands on evidence that the other leaves unexplained.
    """
    if other.kind == candidate.kind or candidate.hypothesis.family != other.hypothesis.family:
        return False
    both_stand = min(candidate.score, other.score) >= MIDDLE
    return not both_stand or min(_own(candidate, other), _own(other, candidate)) < OWN


def _own(candidate: Candidate, other: Candidate) -> float:
    """The share of what speaks for a candidate that does not speak for the other as well."""
    taken = _spoken(other)
    mine = _spoken(candidate)
    total = sum(mine.values())
    return sum(held for who, held in mine.items() if who not in taken) / total if total else 0.0


def _spoken(candidate: Candidate) -> dict[tuple[str, str, str], float]:
    """How much each series says for a candidate; that something did not move is not its own."""
    said: dict[tuple[str, str, str], float] = {}
    for answer in candidate.supports:
        held = answer.clue.weight * (answer.degree or 0.0)
        if answer.witness is None or held < HEARD or answer.clue.test in ("steady", "idle"):
            continue
        who = (answer.witness.entity, answer.witness.quantity, answer.witness.part)
        said[who] = said.get(who, 0.0) + held
    return said
