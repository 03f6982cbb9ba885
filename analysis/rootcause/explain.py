"""Turn a ranked candidate into a cause that a person can check and act on."""

from __future__ import annotations

import math
from itertools import islice

from analysis import words
from analysis.evidence import Change, Evidence
from analysis.language import say
from analysis.quantities import BY_KEY
from analysis.rootcause.measures import STEADY
from analysis.rootcause.scoring import Candidate
from analysis.rootcause.testimony import Answer, Case, Witness
from analysis.rootcause.voices import Voice
from analysis.verdict import Cause, EvidenceItem

TOLD = 0.2
"""Weaker statements are left out of the evidence."""
SURE = 100.0
"""G statistic of a statement that nobody doubts."""
LINES = 2
"""So many statements of the logs are cited."""
ALIKE = 0.2
"""Levels that differ by less tell a reader nothing new."""
CHANGE_SLACK_NS = 60_000_000_000


def cause(
    case: Case, evidence: Evidence, candidate: Candidate, rank: int, confidence: float
) -> Cause:
    """The cause at `rank`, with its strongest evidence first."""
    told = _told(candidate)
    since = _since(case, told)
    items = [
        *(_item(case, one) for one in told),
        *(_log(voice) for voice in case.heard(candidate.entity)[:LINES]),
        *_changes(evidence, candidate.entity, since),
    ]
    return Cause(
        rank=rank,
        entity=candidate.entity,
        kind=candidate.kind,
        signal=_signal(candidate, told),
        since=since,
        confidence=round(confidence, 3),
        explanation=_sentence(case, candidate, told),
        evidence=items,
        path=_path(case, candidate.entity),
        remedy=words.remedy(candidate.kind),
    )


def begun(case: Case, candidate: Candidate) -> int | None:
    """When the first of the series that speak for a candidate left its level, ns."""
    return _since(case, _told(candidate))


def _told(candidate: Candidate) -> list[tuple[Answer, Witness, float]]:
    """Each series once, the statement that weighs most; ties as the hypothesis lists them."""
    best: dict[tuple[str, str, str], tuple[Answer, Witness, float]] = {}
    for answer in candidate.supports:
        witness, degree = answer.witness, answer.degree or 0.0
        if witness is None or degree < TOLD or answer.clue.test == "steady":
            continue
        key = (witness.entity, witness.quantity, witness.part)
        weight = degree * answer.clue.weight
        if key not in best or weight > best[key][2]:
            best[key] = (answer, witness, weight)
    return sorted(best.values(), key=lambda item: -round(item[2], 6))


def _item(case: Case, told: tuple[Answer, Witness, float]) -> EvidenceItem:
    answer, witness, _ = told
    query = (
        None
        if witness.quantity == "phase"
        else BY_KEY[witness.quantity].query(case.service or None)
    )
    return EvidenceItem(
        type="trace" if witness.quantity == "phase" else "metric",
        text=say(
            "{entity}: {change}", entity=words.name(witness.entity), change=words.change(witness)
        ),
        query=query,
        before=witness.before,
        after=witness.after,
        score=round(answer.degree or 0.0, 3),
    )


def _log(voice: Voice) -> EvidenceItem:
    return EvidenceItem(
        type="log",
        text=words.log(voice.entity, voice.statement, new=voice.kind == "new"),
        before=voice.before,
        after=voice.during,
        score=round(min(1.0, voice.g / SURE), 3),
    )


def _changes(evidence: Evidence, entity: str, since: int | None) -> list[EvidenceItem]:
    if since is None:
        return []
    near = CHANGE_SLACK_NS
    return [
        EvidenceItem(type="change", text=_change_text(change), score=0.5)
        for change in sorted(evidence.changes)
        if change.entity == entity and abs(change.ts_ns - since) <= near
    ]


def _change_text(change: Change) -> str:
    return say(
        "{entity}: {kind} {before} → {after}",
        entity=words.name(change.entity),
        kind=say(change.kind),
        before=change.before,
        after=change.after,
    )


def _since(case: Case, told: list[tuple[Answer, Witness, float]]) -> int | None:
    onsets = [
        onset
        for _, witness, _ in told
        if (onset := case.measures.onset(witness.entity, witness.quantity, witness.part))
    ]
    return min(onsets, default=None)


def _signal(candidate: Candidate, told: list[tuple[Answer, Witness, float]]) -> str:
    return told[0][1].quantity if told else candidate.hypothesis.needs[0].quantity


def _path(case: Case, entity: str) -> list[str]:
    if entity.startswith("service/"):
        return [entity]
    return list(case.graph.path(entity))


def _sentence(case: Case, candidate: Candidate, told: list[tuple[Answer, Witness, float]]) -> str:
    subject = words.name(candidate.entity)
    facts = say(", ").join(_facts([witness for _, witness, _ in told]))
    return say(
        "{subject} {claim}{facts}{sisters}.",
        subject=subject[0].upper() + subject[1:],
        # "clients send", "replica r1 takes": the claims of clients are written in the plural.
        claim=say(candidate.hypothesis.claim),
        facts=say(": {facts}", facts=facts) if facts else "",
        sisters=_sisters(case, candidate, told),
    )


def _facts(witnesses: list[Witness]) -> list[str]:
    """The two strongest changes; the same step under a second name is no second fact."""
    second = (one for one in witnesses[1:] if not _alike(one, witnesses[0]))
    return [words.change(one) for one in (*witnesses[:1], *islice(second, 1))]


def _alike(one: Witness, other: Witness) -> bool:
    """Whether both went from about the same to about the same, in the same unit."""
    return words.unit(one.quantity) == words.unit(other.quantity) and all(
        math.isclose(a, b, rel_tol=ALIKE)
        for a, b in ((one.before, other.before), (one.after, other.after))
    )


def _sisters(case: Case, candidate: Candidate, told: list[tuple[Answer, Witness, float]]) -> str:
    """What the same series did at the other replicas."""
    if candidate.hypothesis.entity != "replica" or not told:
        return ""
    witness = told[0][1]
    if witness.quantity == "phase":
        return ""
    for peer in case.graph.peers(candidate.entity):
        shift = case.measures.shift(peer, witness.quantity, witness.part)
        if shift is not None and shift is not STEADY:
            other = Witness(peer, witness.quantity, witness.part, shift.before, shift.after)
            step = words.step(other)
            return say(", while {peer} went {levels}", peer=words.name(peer), levels=step)
    return ""
