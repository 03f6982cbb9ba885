"""NAB: raise few, early alarms on labelled series, strictly online (Lavin and Ahmad, ICMLA 2015).

Layout: `combined_windows.json` (windows by GROUP/FILE.csv) with `data/GROUP/FILE.csv` (columns
timestamp, value) beside it or one folder up. A row's score depends on that row and those before it,
on the length of the probation, and on the usual step between rows; on nothing else.
"""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from analysis.detectors import SeriesStream
from benchmarks.suites.nab_peers import PEERS
from benchmarks.suites.nab_score import (
    OUTSIDE,
    PROFILES,
    Alarms,
    Floats,
    Window,
    best,
    halved,
    place,
    probation,
)
from benchmarks.suites.result import Case, NoLayoutError, Result
from benchmarks.suites.statistics import bootstrap

LABELS: Final = "combined_windows.json"
STANDARD: Final = PROFILES["standard"]
DRAWS: Final = 300


@dataclass(frozen=True)
class Series:
    """One file: epoch seconds, values, and the labelled windows as first and last rows."""

    name: str
    times: Floats
    values: Floats
    windows: Sequence[Window]

    @property
    def probation(self) -> int:
        """Rows that are not scored."""
        return probation(len(self.values))

    @property
    def step(self) -> float | None:
        """Usual seconds between rows; None where there is no telling."""
        step = float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0
        return step if step > 0 else None


def run(data: Path) -> Result:
    """Score every labelled series below `data`; none is a NoLayoutError."""
    series = sorted(read(data), key=lambda one: one.name)
    if not series:
        raise NoLayoutError(f"no {LABELS} with data/GROUP/FILE.csv below {data}")
    began = time.process_time()
    alarms = [place(ours(one), one.windows) for one in series]
    seconds = (time.process_time() - began) / len(series)
    summary = {
        **figures(alarms),
        "standard_interval": bootstrap(alarms, lambda drawn: best(drawn, STANDARD)[0], DRAWS),
        "seconds_per_case": seconds,
        **_peers(series),
    }
    _, threshold = best(alarms, STANDARD)
    cases = [case(one, placed, threshold) for one, placed in zip(series, alarms, strict=True)]
    columns = ("id", "rows", "windows", "found", "false_alarms", "score")
    return Result("nab", summary, cases, columns)


def ours(series: Series) -> Floats:
    """The product's detector with its own defaults: its alarms' surprise, else 0."""
    return SeriesStream(series.probation, series.step).extend(series.values).alarm


def figures(alarms: Sequence[Alarms]) -> dict[str, float]:
    """NAB's three profiles, and the standard one with an honest threshold."""
    return {
        **{name: best(alarms, profile)[0] for name, profile in PROFILES.items()},
        "standard_half": halved(alarms, STANDARD),
    }


def case(series: Series, alarms: Alarms, threshold: float) -> Case:
    """What one series' alarms came to at the threshold that was best over all."""
    raised = alarms.scores >= threshold
    inside = alarms.window[raised]
    found = {
        int(window): float(alarms.worth[raised][inside == window].max())
        for window in np.unique(inside[inside != OUTSIDE])
    }
    false = inside == OUTSIDE
    cost = STANDARD.false_alarm * float(alarms.worth[raised][false].sum())
    return {
        "id": series.name,
        "rows": len(series.values),
        "windows": alarms.windows,
        "found": len(found),
        "false_alarms": int(false.sum()),
        "score": sum(found.values()) + cost - STANDARD.miss * (alarms.windows - len(found)),
    }


def read(data: Path) -> Iterator[Series]:
    """The labelled series below `data`, each once."""
    for labels in sorted(data.rglob(LABELS)):
        windows = json.loads(labels.read_text(encoding="utf-8"))
        folder = next(
            (up / "data" for up in (labels.parent, labels.parent.parent) if (up / "data").is_dir()),
            None,
        )
        for name in sorted(windows) if folder else ():
            if (folder / name).is_file():
                yield read_series(name, folder / name, windows[name])


def read_series(name: str, path: Path, windows: Sequence[Sequence[str]]) -> Series:
    """One file; rows in order of time, what is no number is a gap."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(_epoch(row["timestamp"]), _number(row["value"])) for row in csv.DictReader(file)]
    rows.sort(key=lambda row: row[0])
    times = np.array([at for at, _ in rows])
    return Series(name, times, np.array([value for _, value in rows]), _rows(times, windows))


def _rows(times: Floats, windows: Sequence[Sequence[str]]) -> list[Window]:
    """Windows as first and last rows; one without any row is none."""
    spans = [
        (
            int(np.searchsorted(times, _epoch(first))),
            int(np.searchsorted(times, _epoch(last), side="right")) - 1,
        )
        for first, last in windows
    ]
    return sorted(span for span in spans if span[0] <= span[1])


def _epoch(text: str) -> float:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _peers(series: Sequence[Series]) -> Mapping[str, Any]:
    said: dict[str, float] = {}
    for name, detect in PEERS.items():
        began = time.process_time()
        alarms = [place(detect(one.values, one.probation), one.windows) for one in series]
        seconds = (time.process_time() - began) / len(series)
        said |= {
            f"{name}_standard": best(alarms, STANDARD)[0],
            f"{name}_standard_half": halved(alarms, STANDARD),
            f"{name}_seconds_per_case": seconds,
        }
    return said
