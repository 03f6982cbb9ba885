"""Generated incidents: name the cause of each, as the page would, and be rightly unsure.

Layout: folders with `truth.json`, `alert.json`, `metrics.parquet` and, where there are any,
`spans.parquet` and `logs.parquet`; docs/incidents.md says what is in them. The verdict engine reads
the files through the same code as it reads the servers; of `truth.json` it sees nothing.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from analysis.collect import Sources, collect
from analysis.config import AnalysisSection
from analysis.diagnose import diagnose
from analysis.evidence import Alert, Evidence
from analysis.rootcause.hypotheses import HYPOTHESES
from analysis.sources.files import FileDocuments, FileMetrics
from analysis.verdict import Verdict
from benchmarks.suites.incident_peers import ranks
from benchmarks.suites.peers import PEERS
from benchmarks.suites.result import NoLayoutError, Result
from benchmarks.suites.statistics import wilson
from exporters.catalog.kinds import KINDS

NEEDED: Final = ("alert.json", "metrics.parquet")
BINS: Final = 5
WORST: Final = 12
TWO: Final = "+"
"""Stands between two kinds that are there at once."""
SINGLE: Final = frozenset(KINDS) - {"none", "unknown"}
"""Kinds that a verdict can name."""
Judged = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One incident on disk and what it was."""

    folder: Path
    name: str
    truth: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.truth["kind"])

    @property
    def causes(self) -> dict[str, list[str]]:
        """Entities by kind of cause: one, or two at once."""
        told: dict[str, list[str]] = self.truth["causes"] if TWO in self.kind else {}
        return told or {self.kind: self.truth["entities"]}


def run(data: Path) -> Result:
    """Judge every incident below `data`; none is a NoLayoutError."""
    cases = list(find(data))
    if not cases:
        raise NoLayoutError(f"no folder with truth.json, {', '.join(NEEDED)} below {data}")
    judged = [judge(case) for case in cases]
    return Result(
        "incidents",
        summary(judged),
        judged,
        columns=("id", "kind", "named", "at", "confidence", "abstained", "rank"),
        notes=[*_reliability_lines(judged), *_confusion_lines(judged)],
    )


def find(data: Path) -> list[Case]:
    """Every incident below `data`, in order of its path."""
    return [
        Case(path.parent, str(path.parent.relative_to(data)), json.loads(path.read_text("utf-8")))
        for path in sorted(data.rglob("truth.json"))
        if all((path.parent / name).is_file() for name in NEEDED)
    ]


def evidence_of(folder: Path) -> tuple[Evidence, AnalysisSection]:
    """What the verdict of this page would have been given."""
    said = json.loads((folder / "alert.json").read_text("utf-8"))
    section = AnalysisSection(step_seconds=said["step_seconds"], budget_seconds=60.0)
    alert = Alert(said["alert"], said["starts_ns"], said["labels"])
    sources = Sources(FileMetrics(folder), FileDocuments(folder))
    return collect(sources, section, alert, now_ns=said["asked_ns"]), section


def judge(case: Case) -> Judged:
    """One verdict, held against the truth."""
    began = time.perf_counter()
    evidence, section = evidence_of(case.folder)
    verdict = diagnose(evidence, section)
    seconds = time.perf_counter() - began
    place = rank_of(verdict, case)
    first = verdict.causes[0] if verdict.causes else None
    return {
        "id": case.name,
        "kind": case.kind,
        "trouble": case.truth["trouble"],
        "entities": case.truth["entities"],
        "named": first.kind if first else None,
        "at": first.entity if first else None,
        "confidence": first.confidence if first else 0.0,
        "abstained": verdict.abstained,
        "result": verdict.result,
        "rank": place,
        "kind_rank": rank_of(verdict, case, anywhere=True),
        "entity_rank": _entity_rank(verdict, case),
        "peers": ranks(evidence, case.truth["entities"]),
        "each_rank": {kind: _place(verdict, kind, of) for kind, of in case.causes.items()},
        "each_named": [
            kind
            for kind, of in case.causes.items()
            if (at := _place(verdict, kind, of)) is not None
            and verdict.causes[at - 1].confidence >= section.confidence_bar
        ],
        "causes": [[one.kind, one.entity, one.confidence] for one in verdict.causes],
        "symptom": verdict.symptom.text,
        "chance": 1.0 / max(1, _choices(evidence)),
        "seconds": seconds,
    }


def rank_of(verdict: Verdict, case: Case, *, anywhere: bool = False) -> int | None:
    """The place of the truth among the causes, named or only listed.

    What no cause can be named for is told otherwise: data that is missing by `data_quality`,
    health by `none` or silence.
    """
    if case.kind == "telemetry_gap":
        return _told_missing(verdict, case)
    places = [_place(verdict, kind, None if anywhere else of) for kind, of in case.causes.items()]
    return min((place for place in places if place is not None), default=None)


def _place(verdict: Verdict, kind: str, entities: list[str] | None) -> int | None:
    """Where a kind stands first, at one of the entities or anywhere."""
    return min(
        (
            cause.rank
            for cause in verdict.causes
            if cause.kind == kind and (entities is None or cause.entity in entities)
        ),
        default=None,
    )


def _entity_rank(verdict: Verdict, case: Case) -> int | None:
    """Where a true entity stands first among the entities, whatever is said of it."""
    order = list(dict.fromkeys(cause.entity for cause in verdict.causes))
    truth = case.truth["entities"]
    return min((order.index(one) + 1 for one in truth if one in order), default=None)


def _told_missing(verdict: Verdict, case: Case) -> int | None:
    gaps = {gap.source for gap in verdict.data_quality}
    right = verdict.result != "named" and gaps & set(case.truth["entities"])
    return 1 if right else None


def _choices(evidence: Evidence) -> int:
    """How many (kind, entity) pairs a verdict could name."""
    entities = evidence.series["entity"].unique().to_list()
    found = Counter(str(entity).partition("/")[0] for entity in entities)
    return sum(found[hypothesis.entity] for hypothesis in HYPOTHESES)


def summary(judged: list[Judged]) -> dict[str, Any]:
    """The figures over all cases; shares of what they are shares of."""
    causes = [one for one in judged if one["kind"] in SINGLE]
    two = [one for one in judged if TWO in one["kind"]]
    healthy = [one for one in judged if one["kind"] == "none"]
    unknown = [one for one in judged if one["kind"] == "unknown"]
    return {
        "causes": len(causes),
        "top_1": _share(causes, lambda one: one["rank"] == 1),
        "top_3": _share(causes, lambda one: one["rank"] is not None and one["rank"] <= 3),
        "top_1_interval": wilson(sum(one["rank"] == 1 for one in causes), len(causes)),
        "kind_top_1": _share(causes, lambda one: (one["kind_rank"] or one["rank"]) == 1),
        "named_right": _share(causes, lambda one: one["rank"] == 1 and _stands(one)),
        "named_wrong": _share(causes, lambda one: one["rank"] != 1 and one["result"] == "named"),
        "healthy": len(healthy),
        "healthy_called_incidents": _share(healthy, lambda one: one["result"] == "named"),
        "unknown": len(unknown),
        "unknown_abstained": _share(unknown, lambda one: one["result"] != "named"),
        "brier": brier(judged),
        "two": len(two),
        "two_both_in_top_3": _share(two, _both_in_top_3),
        "two_both_named": _share(two, lambda one: len(one["each_named"]) == len(one["each_rank"])),
        "two_one_in_top_3": _share(two, lambda one: one["rank"] is not None and one["rank"] <= 3),
        **_beside(causes),
        "chance_top_1": float(np.mean([one["chance"] for one in causes])) if causes else None,
        "top_1_by_kind": _by_kind(causes),
        "seconds_per_case": float(np.median([one["seconds"] for one in judged])),
    }


def _both_in_top_3(one: Judged) -> bool:
    return all(place is not None and place <= 3 for place in one["each_rank"].values())


def _beside(causes: list[Judged]) -> dict[str, Any]:
    """Entities alone, ours and by each peer; a gap in the data is no entity's doing."""
    told = [one for one in causes if one["kind"] != "telemetry_gap" and "peers" in one]
    orders = {
        "": [one["entity_rank"] for one in told],
        **{f"{peer}_": [one["peers"][peer] for one in told] for peer in PEERS},
    }
    return {
        f"{who}entity_top_{k}": _within(places, k) for k in (1, 3) for who, places in orders.items()
    }


def _within(places: list[int | None], k: int) -> float | None:
    return sum(at is not None and at <= k for at in places) / len(places) if places else None


def _stands(one: Judged) -> bool:
    return bool(one["result"] == "named" or one["kind"] == "telemetry_gap")


def _share(cases: list[Judged], holds: Callable[[Judged], bool]) -> float | None:
    return sum(map(bool, map(holds, cases))) / len(cases) if cases else None


def _by_kind(causes: list[Judged]) -> dict[str, str]:
    counts = Counter(one["kind"] for one in causes)
    right = Counter(one["kind"] for one in causes if one["rank"] == 1)
    return {kind: f"{right[kind]}/{counts[kind]}" for kind in sorted(counts)}


def claims(judged: list[Judged]) -> list[tuple[float, bool]]:
    """What each verdict put first, how sure it was, and whether it was so."""
    return [
        (float(one["confidence"]), one["rank"] == 1)
        for one in judged
        if one["named"] not in (None, "none")
    ]


def brier(judged: list[Judged]) -> float | None:
    """Mean squared distance between confidence and truth of what was put first."""
    told = claims(judged)
    return float(np.mean([(sure - right) ** 2 for sure, right in told])) if told else None


def reliability(judged: list[Judged]) -> list[tuple[str, int, float, float]]:
    """Per bin of confidence: the bin, cases, mean confidence, share that was right."""
    told = claims(judged)
    rows = []
    for number in range(BINS):
        low, high = number / BINS, (number + 1) / BINS
        inside = [c for c in told if low <= c[0] < high or (c[0] == 1.0 and number == BINS - 1)]
        if inside:
            sure, right = np.mean([c[0] for c in inside]), np.mean([c[1] for c in inside])
            rows.append((f"{low:.1f}-{high:.1f}", len(inside), float(sure), float(right)))
    return rows


def _reliability_lines(judged: list[Judged]) -> list[str]:
    rows = [
        f"  {span}: {count} cases, said {sure:.2f}, right {right:.2f}"
        for span, count, sure, right in reliability(judged)
    ]
    return ["confidence against truth:", *rows]


def confusions(judged: list[Judged]) -> Counter[tuple[str, str]]:
    """How often which trouble was taken for which kind at rank 1."""
    return Counter(
        (one["trouble"], f"{one['named']}" + (" (abstained)" if one["abstained"] else ""))
        for one in judged
        if one["rank"] != 1 and one["kind"] != "none" and one["named"] is not None
    )


def _confusion_lines(judged: list[Judged]) -> list[str]:
    worst = confusions(judged).most_common(WORST)
    return ["taken for:", *(f"  {was} → {said}: {count}" for (was, said), count in worst)]
