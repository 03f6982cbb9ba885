"""From evidence to verdict: a pure function, in seconds, without a language model."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

from analysis import words
from analysis.config import AnalysisSection
from analysis.cost import impact
from analysis.evidence import Evidence
from analysis.graph import build
from analysis.language import echo, say, speaking
from analysis.phases import attribute
from analysis.rootcause.calibration import Knots, calibrated, curve
from analysis.rootcause.explain import begun, cause
from analysis.rootcause.measures import measure, sound
from analysis.rootcause.ruled_out import ruled_out
from analysis.rootcause.scoring import Candidate, rank
from analysis.rootcause.split import settle
from analysis.rootcause.symptom import Symptom, find
from analysis.rootcause.testimony import Case, Witness
from analysis.rootcause.voices import voices
from analysis.verdict import (
    AlertNote,
    Cause,
    DataQuality,
    Impact,
    Span,
    SymptomNote,
    Verdict,
)

UNCHANGED = "nothing that users feel has changed in the window"
"""Not that users feel nothing: what has been ill for longer than the window does not change."""

LISTED = 3
"""Candidates under the bar that an abstaining verdict still lists."""
WORTH_LISTING = 0.1
"""Candidates less sure than this are not listed beside a named cause."""
SILENT_FACTOR = 0.9
"""What each silent source leaves of a confidence."""
UNFELT_FACTOR = 0.8
"""What is left when users feel nothing yet."""


def diagnose(
    evidence: Evidence, section: AnalysisSection | None = None, *, knots: Knots | None = None
) -> Verdict:
    """Rank the causes of what the alert saw; abstain when none is sure enough.

    `knots` stand in for the committed curve of confidence while another is fitted.
    """
    section = section or AnalysisSection()
    with speaking(section.language):
        return _diagnose(evidence, section, curve() if knots is None else knots)


def _diagnose(evidence: Evidence, section: AnalysisSection, knots: Knots) -> Verdict:
    began = time.perf_counter()
    bar = section.confidence_bar
    digest = evidence.digest()
    evidence = settle(replace(evidence, series=sound(evidence.series)))
    case = _case(evidence)
    symptom = find(case.measures, evidence.service)
    factor = _quality_factor(evidence, symptom)
    candidates = [
        replace(one, confidence=calibrated(one.confidence * factor, knots)) for one in rank(case)
    ]
    since = begun(case, candidates[0]) if candidates else None
    case = replace(case, voices=voices(evidence, case.graph, since or symptom.since_ns))
    sure = [c for c in candidates if c.confidence >= bar]
    abstained, reason = _decide(evidence, symptom, candidates, sure, case)
    chosen = _chosen(evidence, symptom, candidates, sure)
    others = [c for c in candidates if c not in chosen]
    causes = [
        cause(case, evidence, candidate, place, candidate.confidence)
        for place, candidate in enumerate(chosen, start=1)
    ]
    if not abstained and not causes:
        causes = [_nothing_wrong(evidence, symptom)]
    return Verdict(
        id=f"v-{digest[:16]}",
        created=datetime.now(tz=UTC).isoformat(timespec="milliseconds"),
        window=_window(evidence),
        alert=_alert(evidence),
        symptom=_symptom(symptom),
        impact=impact(evidence, symptom, section.cost),
        causes=causes,
        ruled_out=ruled_out(case, chosen, others, {gap.source for gap in evidence.silent}),
        abstained=abstained,
        reason=reason,
        data_quality=_data_quality(evidence),
        inputs_digest=f"sha256:{digest}",
        language=section.language,
        seconds=round(time.perf_counter() - began, 3),
    )


def abstain(evidence: Evidence, section: AnalysisSection) -> Verdict:
    """The verdict where a diagnosis itself fails: it looks at nothing but the evidence's gaps."""
    digest = evidence.digest()
    with speaking(section.language):
        nothing = say("no series could be read, so nothing can be said about the cause")
        return Verdict(
            id=f"v-{digest[:16]}",
            created=datetime.now(tz=UTC).isoformat(timespec="milliseconds"),
            window=_window(evidence),
            alert=_alert(evidence),
            symptom=SymptomNote(
                entity=f"service/{evidence.service}",
                signal="",
                since=None,
                text=nothing,
            ),
            impact=Impact(),
            causes=[],
            ruled_out=[],
            abstained=True,
            reason=nothing,
            data_quality=_data_quality(evidence),
            inputs_digest=f"sha256:{digest}",
            language=section.language,
            seconds=0.0,
        )


def may_become_clear(evidence: Evidence) -> bool:
    """Whether newer samples could turn an abstaining verdict into a named cause."""
    return evidence.series.height > 0 and not evidence.silent


def _case(evidence: Evidence) -> Case:
    measures = measure(evidence)
    owned = {entity for entity in measures.entities if not entity.startswith("service/")}
    return Case(
        service=evidence.service,
        measures=measures,
        graph=build(owned, evidence.placement, evidence.spans),
        shares=attribute(evidence.spans_before, evidence.spans),
        changes=evidence.changes,
    )


def _quality_factor(evidence: Evidence, symptom: Symptom) -> float:
    blind = {gap.source for gap in evidence.silent} | {
        gap.source for gap in evidence.gaps if "did not answer" in gap.gap or "failed" in gap.gap
    }
    factor = SILENT_FACTOR ** min(len(blind), 4)
    return float(factor * (1.0 if symptom.felt else UNFELT_FACTOR))


def _chosen(
    evidence: Evidence, symptom: Symptom, candidates: list[Candidate], sure: list[Candidate]
) -> list[Candidate]:
    """What the verdict lists: the sure ones first; nothing where only the telemetry is ill."""
    if sure:
        close = [c for c in candidates if c not in sure and c.confidence >= WORTH_LISTING]
        return [*sure, *close][: max(LISTED, len(sure))]
    if evidence.silent and not symptom.felt:
        return []
    return candidates[:LISTED] if symptom.felt or evidence.alert.name else []


def _decide(
    evidence: Evidence,
    symptom: Symptom,
    candidates: list[Candidate],
    sure: list[Candidate],
    case: Case,
) -> tuple[bool, str]:
    """Whether to abstain, and the sentence that says why."""
    if sure:
        return False, say("named: the evidence for rank 1 is over the bar")
    if not case.measures.shifts:
        return True, say("no series could be read, so nothing can be said about the cause")
    if evidence.silent and not symptom.felt:
        silent = "; ".join(
            say("{source}: {gap}", source=words.name(gap.source), gap=echo(gap.gap))
            for gap in evidence.silent
        )
        sentence = "data is missing ({silent}); {unchanged}, and no cause is named"
        return True, say(sentence, silent=silent, unchanged=say(UNCHANGED))
    if symptom.felt or evidence.alert.name:
        return True, _lacking(candidates, case, felt=symptom.felt)
    return False, say("none: every signal of the service stayed at its level")


def _lacking(candidates: list[Candidate], case: Case, *, felt: bool) -> str:
    """What would decide, said plainly."""
    fired = "the alert fired, but {unchanged}, and"
    start = say("users feel it, but") if felt else say(fired, unchanged=say(UNCHANGED))
    if not candidates:
        sentence = "{start} no known cause left a trace; {look}"
        return say(sentence, start=start, look=_look(case))
    best = candidates[0]
    unseen = ", ".join(sorted({a.clue.quantity for a in best.supports if a.degree is None}))
    return say(
        "{start} the evidence for {kind} at {entity} is under the bar{wanted}{heard}",
        start=start,
        kind=words.cause(best.kind),
        entity=words.name(best.entity),
        wanted=say("; {unseen} would decide", unseen=unseen) if unseen else "",
        heard=say("; {look}", look=_look(case)) if case.voices else "",
    )


def _look(case: Case) -> str:
    """What the logs say anew, where they do: the way to a cause that has no kind."""
    if not case.voices:
        return say("look at what changed and at the logs")
    first = case.voices[0]
    return words.log(first.entity, first.statement, new=first.kind == "new")


def _nothing_wrong(evidence: Evidence, symptom: Symptom) -> Cause:
    return Cause(
        rank=1,
        entity=f"service/{evidence.service}",
        kind="none",
        signal=symptom.quantity,
        since=None,
        confidence=0.95,
        explanation=say("Every signal of the service stayed at its level."),
        evidence=[],
        path=[f"service/{evidence.service}"],
        remedy=words.remedy("none"),
    )


def _window(evidence: Evidence) -> Span:
    window = evidence.window
    return Span(baseline_ns=window.baseline_ns, start_ns=window.start_ns, end_ns=window.end_ns)


def _alert(evidence: Evidence) -> AlertNote:
    alert = evidence.alert
    labels = dict(sorted(alert.labels.items()))
    return AlertNote(
        name=alert.name, starts_ns=alert.starts_ns, labels=labels, summary=alert.summary
    )


def _symptom(symptom: Symptom) -> SymptomNote:
    witness = Witness(symptom.entity, symptom.quantity, "", symptom.before, symptom.after)
    return SymptomNote(
        entity=symptom.entity,
        signal=symptom.quantity,
        since=symptom.since_ns if symptom.felt else None,
        before=symptom.before,
        after=symptom.after,
        text=words.change(witness) if symptom.felt else say(UNCHANGED),
    )


def _data_quality(evidence: Evidence) -> list[DataQuality]:
    return [
        DataQuality(source=gap.source, gap=echo(gap.gap))
        for gap in (*sorted(evidence.silent), *sorted(evidence.gaps))
    ]
