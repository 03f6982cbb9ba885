"""PetShop: name the entity behind an incident of a microservice application (arXiv 2311.04806).

Layout: a folder with `graph.csv` (adjacency, caller to callee), `noissue/metrics.csv` where there
is one, and `SPLIT/issue_N/{metrics.csv,target.json}`. Nothing is known of names or units: the
symptom's metric is the one the target names, and counts of calls are the metric that is whole
numbers throughout.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from analysis.ranking import Measured, Scene, rank
from analysis.ranking.gate import is_incident
from analysis.ranking.scene import Floats
from benchmarks.suites.peers import PEERS
from benchmarks.suites.result import NoLayoutError, Result
from benchmarks.suites.statistics import wilson

HEADER_ROWS: Final = 3
BEFORE_ROWS: Final = 2
Column = tuple[str, str, str]


@dataclass(frozen=True)
class Metrics:
    """One metrics.csv: a column for each (entity, metric, statistic), a row for each moment."""

    times: Floats
    columns: Mapping[Column, Floats]

    def of(self, entity: str, metric: str, statistic: str) -> Floats:
        """A column, or as many gaps."""
        return self.columns.get((entity, metric, statistic), np.full(len(self.times), np.nan))


@dataclass(frozen=True)
class Incident:
    """One labelled incident, as a scene to rank and the entity that it was."""

    name: str
    metric: str
    scene: Scene
    truth: str


def run(data: Path) -> Result:
    """Rank every incident below `data`; none is a NoLayoutError."""
    scenarios = sorted({path.parents[2] for path in data.rglob("target.json")})
    scenarios = [path for path in scenarios if (path / "graph.csv").is_file()]
    if not scenarios:
        raise NoLayoutError(f"no graph.csv with SPLIT/ISSUE/target.json below {data}")
    incidents = [incident for path in scenarios for incident in read(path, data)]
    cases = [judge(incident) for incident in incidents]
    return Result(
        "petshop",
        {**summary(cases), **_false_causes(scenarios), **_peers(incidents)},
        cases,
        columns=("id", "metric", "truth", "first", "rank"),
    )


def read(scenario: Path, data: Path) -> Iterator[Incident]:
    """Yield the incidents of one scenario."""
    calls = read_graph(scenario / "graph.csv")
    usual = _usual(scenario)
    for target in sorted(scenario.glob("*/*/target.json")):
        said = json.loads(target.read_text(encoding="utf-8"))
        metrics = read_metrics(target.with_name("metrics.csv"))
        alarm = said["target"]
        onset = float(alarm["timestamp"])
        yield Incident(
            name=str(target.parent.relative_to(data)),
            metric=alarm["metric"],
            scene=scene(calls, metrics, usual, alarm, onset),
            truth=said["root_cause"]["node"],
        )


def read_graph(path: Path) -> dict[str, frozenset[str]]:
    """Callees by caller, from an adjacency matrix with names in its first row and column."""
    with path.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    return {
        row[0]: frozenset(
            name for name, mark in zip(names[1:], row[1:], strict=True) if mark and float(mark)
        )
        for row in rows
        if row
    }


def read_metrics(path: Path) -> Metrics:
    """A metrics.csv with its three header rows; what is no number is a gap."""
    with path.open(encoding="utf-8", newline="") as file:
        table = list(csv.reader(file))
    entities, metrics, statistics = (row[1:] for row in table[:HEADER_ROWS])
    rows = [row for row in table[HEADER_ROWS:] if row and _number(row[0]) is not None]
    rows.sort(key=lambda row: float(row[0]))
    values = np.array([[_number(cell, np.nan) for cell in row[1:]] for row in rows], dtype=float)
    columns = zip(entities, metrics, statistics, strict=True)
    return Metrics(
        np.array([float(row[0]) for row in rows]),
        {column: values[:, index] for index, column in enumerate(columns)},
    )


def scene(
    calls: Mapping[str, frozenset[str]],
    metrics: Metrics,
    usual: Metrics | None,
    alarm: Mapping[str, Any],
    onset: float,
) -> Scene:
    """The scene of one alarm; rows from the onset on are during, all others before."""
    metric, statistic = alarm["metric"], alarm["agg"]
    during = metrics.times >= onset
    if during.all() or not during.any():
        during = np.arange(len(metrics.times)) >= BEFORE_ROWS
    counts = _counts(metrics, metric)
    measured = {}
    for entity in {column[0] for column in metrics.columns}:
        values, volume = metrics.of(entity, metric, statistic), metrics.of(entity, *counts)
        measured[entity] = Measured(
            values[~during],
            values[during],
            volume[~during],
            volume[during],
            *((usual.of(entity, metric, statistic), usual.of(entity, *counts)) if usual else ()),
        )
    return Scene(alarm["node"], calls, measured)


def judge(incident: Incident) -> dict[str, Any]:
    """Rank one incident and say where the truth came."""
    began = time.perf_counter()
    candidates = rank(incident.scene)
    seconds = time.perf_counter() - began
    order = [candidate.entity for candidate in candidates]
    place = order.index(incident.truth) + 1 if incident.truth in order else None
    return {
        "id": incident.name,
        "metric": incident.metric,
        "truth": incident.truth,
        "first": order[0] if order else None,
        "ranked": order[:5],
        "rank": place,
        "incident": is_incident(incident.scene.measured[incident.scene.symptom]),
        "seconds": seconds,
    }


def summary(cases: list[dict[str, Any]]) -> dict[str, Any]:
    """Top-1 and Top-3 with their 95 % intervals, and the time of a case."""
    first, third = _within(cases, 1), _within(cases, 3)
    metrics = sorted({case["metric"] for case in cases})
    return {
        "top_1": first / len(cases),
        "top_3": third / len(cases),
        "top_1_interval": wilson(first, len(cases)),
        "top_3_interval": wilson(third, len(cases)),
        **{
            f"top_1_{metric}": _within(part, 1) / len(part)
            for metric in metrics
            if (part := [case for case in cases if case["metric"] == metric])
        },
        "missed_as_healthy": sum(not case["incident"] for case in cases) / len(cases),
        "seconds_per_case": float(np.median([case["seconds"] for case in cases])),
    }


def _within(cases: list[dict[str, Any]], k: int) -> int:
    return sum(case["rank"] is not None and case["rank"] <= k for case in cases)


def _peers(incidents: list[Incident]) -> dict[str, Any]:
    found = {}
    for name, order in PEERS.items():
        orders = [(order(incident.scene), incident.truth) for incident in incidents]
        for k in (1, 3):
            hits = sum(truth in entities[:k] for entities, truth in orders)
            found[f"{name}_top_{k}"] = hits / len(incidents)
    sizes = [len(incident.scene.reachable()) for incident in incidents]
    return {**found, "chance_top_1": float(np.mean([1 / size for size in sizes]))}


def _false_causes(scenarios: list[Path]) -> dict[str, Any]:
    """Share of healthy windows for which the gate would let a cause be named."""
    judged = [is_incident(window) for path in scenarios for window in _healthy_windows(path)]
    return {
        "healthy_windows": len(judged),
        "false_causes": sum(judged) / len(judged) if judged else None,
    }


def _healthy_windows(scenario: Path) -> Iterator[Measured]:
    """Windows of the healthy stretch, each judged by the stretch without it."""
    usual = _usual(scenario)
    if usual is None:
        return
    targets = [json.loads(path.read_text("utf-8")) for path in scenario.glob("*/*/target.json")]
    alarms = {(t["target"]["node"], t["target"]["metric"], t["target"]["agg"]) for t in targets}
    rows = BEFORE_ROWS + 3
    for column in sorted(alarms):
        series = usual.of(*column)
        for start in range(0, len(series) - rows + 1, rows):
            window, rest = (
                series[start : start + rows],
                np.delete(series, range(start, start + rows)),
            )
            gaps = np.full(rows, np.nan)
            yield Measured(
                window[:BEFORE_ROWS],
                window[BEFORE_ROWS:],
                gaps[:BEFORE_ROWS],
                gaps[BEFORE_ROWS:],
                rest,
            )


def _usual(scenario: Path) -> Metrics | None:
    path = scenario / "noissue" / "metrics.csv"
    return read_metrics(path) if path.is_file() else None


def _counts(metrics: Metrics, symptom: str) -> tuple[str, str]:
    """The metric and statistic whose values are whole numbers: counts of calls."""
    found: dict[tuple[str, str], list[Floats]] = {}
    for (_, metric, statistic), values in metrics.columns.items():
        if metric != symptom:
            found.setdefault((metric, statistic), []).append(values[~np.isnan(values)])
    sums = {
        key: float(np.concatenate(parts).sum())
        for key, parts in sorted(found.items())
        if _are_counts(np.concatenate(parts))
    }
    return max(sums, key=lambda key: sums[key], default=("", ""))


def _are_counts(values: Floats) -> bool:
    return bool(len(np.unique(values)) > 2 and (values >= 0).all() and (values % 1 == 0).all())


def _number(cell: str, otherwise: float | None = None) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return otherwise
