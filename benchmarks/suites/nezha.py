"""Nezha: name the service behind a fault, and what in it, from traces, logs and metrics (FSE 2023).

Layout: folders of a day with `faults.json` and `{trace,log}/HH_MM_*.csv`, `metric/POD_metric.csv`,
beside `normal/DAY` of the same make and `root_cause_detail.json`. Nothing is pre-trained; health is
the normal minutes alone, and the metrics of the hour before.
"""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from analysis.ranking.events import breaks, steps
from analysis.ranking.gaps import calls, delays, gaps
from analysis.ranking.multimodal import Suspect, suspects
from analysis.ranking.resources import Metric, rises
from benchmarks.suites.result import NoLayoutError, Result
from benchmarks.suites.statistics import wilson

MINUTE: Final = 60.0
MINUTES: Final = 4
SETTLE_SECONDS: Final = 45.0
HISTORY_SECONDS: Final = 1800.0
POD_SUFFIX: Final = re.compile(r"-[0-9a-f]{8,10}-[a-z0-9]{5}$|-[0-9a-f]+-[a-z0-9]{5}$")
SHARED: Final = "Node"
"""Columns of a pod's file that are its node's, and say nothing of the pod."""
NOT_CAUSES: Final = ("Latency", "Workload", "SuccessRate", SHARED)
"""Columns that tell what was asked of a pod or how it fared, not what ran out in it."""


@dataclass(frozen=True)
class Fault:
    """One injected fault: where its files lie and what it truly was."""

    name: str
    day: Path
    onset: datetime
    service: str
    kind: str


@dataclass(frozen=True)
class Health:
    """What normal minutes look like: steps of each, and gaps over all."""

    windows: tuple[pl.DataFrame, ...]
    gaps: pl.DataFrame


def run(data: Path) -> Result:
    """Rank every fault below `data`; none is a NoLayoutError."""
    roots = sorted({path.parents[1] for path in data.rglob("faults.json")})
    roots = [root for root in roots if (root / "normal").is_dir()]
    if not roots:
        raise NoLayoutError(f"no DAY/faults.json beside normal/ below {data}")
    cases = [case for root in roots for case in _cases(root)]
    return Result(
        "nezha",
        summary(cases),
        cases,
        columns=("id", "kind", "service", "first", "rank", "inside", "inner_rank"),
    )


def _cases(root: Path) -> Iterator[dict[str, Any]]:
    health = read_health(root / "normal")
    detail = json.loads((root / "root_cause_detail.json").read_text("utf-8"))
    for fault in faults(root):
        began = time.perf_counter()
        order = diagnose(fault, health)
        seconds = time.perf_counter() - began
        truth = detail.get(fault.service, {}).get(fault.kind)
        yield judge(fault, order, truth) | {"seconds": seconds}


def faults(root: Path) -> Iterator[Fault]:
    """Yield the faults of every day."""
    for listed in sorted(root.glob("*/faults.json")):
        for fault in json.loads(listed.read_text("utf-8")):
            onset = datetime.fromisoformat(fault["inject_time"]).replace(tzinfo=UTC)
            yield Fault(
                f"{listed.parent.name} {onset:%H:%M}",
                listed.parent,
                onset,
                service_of(fault["inject_pod"]),
                fault["inject_type"],
            )


def service_of(pod: str) -> str:
    """A pod's service: its name without what the scheduler adds."""
    return POD_SUFFIX.sub("", pod)


def read_health(normal: Path) -> Health:
    """Every normal day is one window."""
    spans, windows = [], []
    for day in sorted(path for path in normal.iterdir() if path.is_dir()):
        spans.append(read_spans(sorted((day / "trace").glob("*.csv"))))
        windows.append(steps(spans[-1], read_logs(sorted((day / "log").glob("*.csv")))))
    return Health(tuple(windows), gaps(pl.concat(spans)))


def diagnose(fault: Fault, health: Health) -> list[Suspect]:
    """Services by suspicion, from the minutes after the onset's own."""
    spans = read_spans(_minutes(fault, "trace"))
    faulty = steps(spans, read_logs(_minutes(fault, "log")))
    return suspects(
        breaks(health.windows, faulty),
        delays(health.gaps, gaps(spans)),
        rises(read_metrics(fault)),
        calls(spans),
    )


def _minutes(fault: Fault, kind: str) -> list[Path]:
    stamps = (fault.onset + timedelta(minutes=later) for later in range(MINUTES))
    paths = [fault.day / kind / f"{stamp:%H_%M}_{kind}.csv" for stamp in stamps]
    there = [path for path in paths if path.is_file()]
    return there[1:] or there


def read_spans(paths: list[Path]) -> pl.DataFrame:
    """Spans of several files: entity, span_id, parent_id, ts_ns, duration_ns, operation."""
    begin, end = (
        pl.col("StartTimeUnixNano").cast(pl.Int64),
        pl.col("EndTimeUnixNano").cast(pl.Int64),
    )
    return (
        _read(paths)
        .select(
            _service("PodName").alias("entity"),
            pl.col("SpanID").alias("span_id"),
            pl.col("ParentID").alias("parent_id"),
            begin.alias("ts_ns"),
            (end - begin).alias("duration_ns"),
            pl.col("OperationName").alias("operation"),
        )
        .unique("span_id", keep="first", maintain_order=True)
    )


def read_logs(paths: list[Path]) -> pl.DataFrame:
    """Log lines of several files: span_id, ts_ns, body."""
    raw = pl.col("Log")
    return (
        _read(paths)
        .select(
            pl.col("SpanID").alias("span_id"),
            pl.col("TimeUnixNano").cast(pl.Int64).alias("ts_ns"),
            pl.coalesce(raw.str.extract(r'^\{"log":"((?:[^"\\]|\\.)*)"'), raw).alias("body"),
        )
        .drop_nulls()
    )


def _read(paths: list[Path]) -> pl.DataFrame:
    files = (pl.read_csv(path, infer_schema=False, truncate_ragged_lines=True) for path in paths)
    return pl.concat(files, how="diagonal")


def _service(column: str) -> pl.Expr:
    return pl.col(column).str.replace(POD_SUFFIX.pattern, "")


def read_metrics(fault: Fault) -> Mapping[str, Mapping[str, Metric]]:
    """Metrics of every pod, before the onset and since, by service."""
    onset, until = fault.onset.timestamp(), _told_until(fault)
    found: dict[str, dict[str, Metric]] = {}
    for path in sorted((fault.day / "metric").glob("*_metric.csv")):
        times, columns = _metric_file(path)
        before = (times < onset) & (times > onset - HISTORY_SECONDS)
        since = (times >= onset + SETTLE_SECONDS) & (times < until)
        service = service_of(path.name.removesuffix("_metric.csv"))
        found[service] = {
            name: (values[before], values[since])
            for name, values in columns.items()
            if not any(part in name for part in NOT_CAUSES) and before.any()
        }
    return found


def _told_until(fault: Fault) -> float:
    """When the last minute of spans ends, and the minute of metrics that began in it."""
    start = fault.onset.replace(second=0, microsecond=0).timestamp()
    return start + MINUTE * (len(_minutes(fault, "trace")) + 2)


@cache
def _metric_file(path: Path) -> tuple[np.ndarray[Any, Any], dict[str, np.ndarray[Any, Any]]]:
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    columns = {
        name: np.array([_number(row[index]) for row in rows])
        for index, name in enumerate(head)
        if name not in ("Time", "PodName")
    }
    return columns.pop("TimeStamp"), columns


def judge(fault: Fault, order: list[Suspect], truth: str | None) -> dict[str, Any]:
    """Where the service came, and whether what was named inside it is the labelled thing."""
    place = next((i for i, it in enumerate(order, 1) if it.entity == fault.service), None)
    inner = next(
        (i for i, it in enumerate(order, 1) if it.entity == fault.service and _is(it, truth)), None
    )
    return {
        "id": fault.name,
        "kind": fault.kind,
        "service": fault.service,
        "first": order[0].entity if order else None,
        "inside": " -> ".join(order[0].inside) if order else None,
        "truth_inside": truth,
        "rank": place,
        "inner_rank": inner,
    }


def _is(suspect: Suspect, truth: str | None) -> bool:
    """Two events are the labelled pair, by place or by words; a metric bears its name."""
    if truth is None:
        return False
    if suspect.modality == "events":
        first, _, second = truth.partition("_")
        pairs = zip((first, second), suspect.inside, suspect.says, strict=True)
        return all(wanted in event or wanted in says for wanted, event, says in pairs)
    if suspect.modality == "network":
        return truth.lower().startswith("network")
    return suspect.inside[0] == truth


def summary(cases: list[dict[str, Any]]) -> dict[str, Any]:
    """AS@k over services, AIS@1 inside them, by kind of fault too."""
    firsts, thirds = _within(cases, "rank", 1), _within(cases, "rank", 3)
    kinds = sorted({case["kind"] for case in cases})
    return {
        "as_1": firsts / len(cases),
        "as_3": thirds / len(cases),
        "ais_1": _within(cases, "inner_rank", 1) / len(cases),
        "as_1_interval": wilson(firsts, len(cases)),
        "as_3_interval": wilson(thirds, len(cases)),
        **{
            f"as_1_{kind}": _within(part, "rank", 1) / len(part)
            for kind in kinds
            if (part := [case for case in cases if case["kind"] == kind])
        },
        "seconds_per_case": float(np.median([case["seconds"] for case in cases])),
    }


def _within(cases: list[dict[str, Any]], key: str, k: int) -> int:
    return sum(case[key] is not None and case[key] <= k for case in cases)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
