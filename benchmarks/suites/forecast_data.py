"""Load series found by their layout alone: sampled files, and request traces counted into rates."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from analysis.forecast.series import DAY, Floats, Series, counted, on_grid

TRACE_PARTS: Final = (60, 240)
"""A step is this part of a trace: about a minute, and a quarter of one, of an hour's recording."""
EVEN_SHARE: Final = 0.2
LEAST_ROWS: Final = 100
LEAST_STEADINESS: Final = 0.95
MICROSECONDS: Final = 26
"""Letters of a moment up to its microseconds, which is all that Python keeps."""
LEAST_RATE: Final = 0.05
"""Requests a second below which a clock is taken to count something shorter than seconds."""


@dataclass(frozen=True)
class Case:
    """One series to forecast, `ahead` steps at a time; `cycle` is the season of the naive."""

    name: str
    series: Series
    ahead: int
    cycle: int


@dataclass(frozen=True)
class Column:
    """One column as numbers, NaN where it holds none; `dated` if they were written as dates."""

    values: Floats
    dated: bool

    @property
    def steadiness(self) -> float:
        """How evenly the values spread, in any order; above 1 for dates, 0 if one is missing."""
        ordered = np.sort(self.values)
        if len(ordered) < 3 or not np.isfinite(ordered).all() or ordered[0] == ordered[-1]:
            return 0.0
        return self.dated + float(np.corrcoef(ordered, np.arange(len(ordered)))[0, 1])


def cases(data: Path) -> Iterator[Case]:
    """Every series below `data`: one of each sampled column, and each trace's rates."""
    for path in sorted([*data.rglob("*.csv"), *data.rglob("*.jsonl")]):
        columns = _columns(path)
        clock = max(columns, key=lambda column: column.steadiness, default=None)
        if clock is None or clock.steadiness < LEAST_STEADINESS:
            continue
        times = clock.values
        rest = [one.values for one in columns if one is not clock and _is_measured(one.values)]
        name = str(path.relative_to(data).with_suffix(""))
        if rest and _is_even(times):
            yield from _sampled(name, times, rest)
        elif len(times) >= LEAST_ROWS:
            yield from _traced(name, times, rest)


def _sampled(name: str, times: Floats, columns: Sequence[Floats]) -> Iterator[Case]:
    for place, column in enumerate(columns):
        series = on_grid(times, column)
        day = series.steps_in(DAY)
        if 4 <= day <= len(series) // 4:
            label = name if len(columns) == 1 else f"{name} column {place + 1}"
            yield Case(label, series, day, day)


def _traced(name: str, times: Floats, columns: Sequence[Floats]) -> Iterator[Case]:
    times = times * _unit(times)
    span = float(times.max() - times.min())
    # In order of size: columns may come in any.
    sums = sorted(columns, key=lambda column: float(np.nansum(column)))
    loads = [("requests", None), *((f"load {i + 1}", column) for i, column in enumerate(sums))]
    for parts in TRACE_PARTS:
        for what, column in loads:
            series = counted(times, span / parts * (1 - 1e-9), column)
            yield Case(f"{name} {what} 1/{parts}", series, parts // 6, 1)


def _unit(times: Floats) -> float:
    """Seconds in one of the trace's units: the longest that leaves a service worth the name."""
    span = float(times.max() - times.min())
    units = (1.0, 1e-3, 1e-6, 1e-9)
    return next((u for u in units if len(times) >= LEAST_RATE * span * u), units[-1])


def _columns(path: Path) -> list[Column]:
    rows = _lines(path) if path.suffix == ".jsonl" else _table(path)
    return [
        Column(np.array([_number(cell) for cell in cells]), dated=_is_dated(cells[0]))
        for cells in zip(*rows, strict=True)
    ]


def _table(path: Path) -> list[list[Any]]:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        _, *rows = list(csv.reader(file)) or [[]]
    width = max(map(len, rows), default=0)
    return [row for row in rows if len(row) == width]


def _lines(path: Path) -> list[list[Any]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        rows = [json.loads(line) for line in file if line.startswith("{")]
    names = sorted({name for row in rows for name in row})
    return [[row.get(name) for name in names] for row in rows]


def _number(cell: Any) -> float:
    """A number, or a moment in Unix seconds; NaN for anything else."""
    if isinstance(cell, int | float):
        return float(cell)
    if not isinstance(cell, str) or not (cell[:1].isdecimal() or cell[:1] in {"-", "."}):
        return math.nan
    try:
        return float(cell)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(cell[:MICROSECONDS])
    except ValueError:
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _is_dated(cell: Any) -> bool:
    return isinstance(cell, str) and "-" in cell[1:] and math.isfinite(_number(cell))


def _is_measured(column: Floats) -> bool:
    return bool(np.isfinite(column).mean() > 0.5 and np.nanmax(column) > np.nanmin(column))


def _is_even(times: Floats) -> bool:
    """Whether samples come at one distance; requests come as they like, several at once."""
    gaps = np.diff(np.sort(times))
    usual = float(np.median(gaps))
    return usual > 0 and bool((np.abs(gaps - usual) < 0.02 * usual).mean() > EVEN_SHARE)
