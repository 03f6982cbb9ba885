"""Metrics, spans and logs from Parquet files in one folder: the past, without a server.

`metrics.parquet` has columns name, ts_ns, value and one per label, null where a series lacks it;
`spans.parquet` and `logs.parquet` are canonical frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analysis.frames import LOG_SCHEMA, SPAN_SCHEMA, check_logs, check_spans
from analysis.sources.errors import SourceError
from analysis.sources.gap import Gap
from analysis.sources.promql import Evaluator, Floats, Labels, Vector
from analysis.sources.source import LIMIT
from analysis.sources.window import cut

METRICS, SPANS, LOGS = "metrics.parquet", "spans.parquet", "logs.parquet"
OWN = ("name", "ts_ns", "value")
Ints = NDArray[np.int64]


class FileMetrics:
    """Answers a verdict's queries from `metrics.parquet`; a sample stands for one step of its own.

    Raises SourceError when there is no such file or it has other columns.
    """

    def __init__(self, folder: Path) -> None:
        self.name = "metrics"
        self.gaps: list[Gap] = []
        self._path = folder / METRICS
        frame = _read(self._path)
        if not set(OWN) <= set(frame.columns):
            raise SourceError(
                "the file", str(self._path), f"has no columns {', '.join(OWN)}",
                "write it as docs/incidents.md says",
            )  # fmt: skip
        self._series = _by_name(frame)

    def range(self, query: str, start_ns: int, end_ns: int, step_ns: int) -> pl.DataFrame:
        """Evaluate at start, start + step, ... up to and including end."""
        grid = np.arange(start_ns, end_ns + 1, step_ns, dtype=np.int64)

        def select(name: str, match: Callable[[Mapping[str, str]], bool]) -> Vector:
            return {
                frozenset(labels.items()): _on_grid(at, values, grid, step_ns)
                for labels, at, values in self._series.get(name, ())
                if match(labels)
            }

        return _frame(Evaluator(select).query(query), grid)


class FileDocuments:
    """Spans and logs; a file that is not there is a gap."""

    def __init__(self, folder: Path) -> None:
        self.name = "files"
        self.gaps: list[Gap] = []
        self._folder = folder

    def spans(self, start_ns: int, end_ns: int, limit: int = LIMIT) -> pl.DataFrame:
        """Return the spans that start in the window, ordered by start."""
        frame = self._load(SPANS, SPAN_SCHEMA)
        return self._cut(check_spans(frame), start_ns, end_ns, limit)

    def logs(self, start_ns: int, end_ns: int, limit: int = LIMIT) -> pl.DataFrame:
        """Return the logs of the window, ordered by time."""
        frame = self._load(LOGS, LOG_SCHEMA)
        return self._cut(check_logs(frame), start_ns, end_ns, limit)

    def _load(self, name: str, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
        path = self._folder / name
        if path.is_file():
            return _read(path)
        self.gaps.append(Gap(self.name, f"no {name} in {self._folder}"))
        return pl.DataFrame(schema=dict(schema))

    def _cut(self, frame: pl.DataFrame, start_ns: int, end_ns: int, limit: int) -> pl.DataFrame:
        ordered = frame.sort("ts_ns")
        return cut(ordered, start_ns, end_ns, limit=limit, gaps=self.gaps, source=self.name)


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceError(
            "the file", str(path), f"cannot be read ({error})", "name a folder that has it"
        ) from None


def _by_name(frame: pl.DataFrame) -> dict[str, list[tuple[dict[str, str], Ints, Floats]]]:
    labels = [column for column in frame.columns if column not in OWN]
    found: dict[str, list[tuple[dict[str, str], Ints, Floats]]] = {}
    for rows in frame.sort("ts_ns").partition_by("name", *labels, maintain_order=True):
        first = rows.row(0, named=True)
        told = {label: str(first[label]) for label in labels if first[label]}
        at, values = rows["ts_ns"].to_numpy(), rows["value"].to_numpy()
        found.setdefault(str(first["name"]), []).append((told, at, values))
    return found


def _on_grid(at: Ints, values: Floats, grid: Ints, step_ns: int) -> Floats:
    """The latest sample of the last step; NaN where there is none: what ended is not carried on."""
    latest = np.searchsorted(at, grid, side="right") - 1
    fresh = (latest >= 0) & (at[np.maximum(latest, 0)] > grid - step_ns)
    return np.where(fresh, values[np.maximum(latest, 0)], np.nan)


def _frame(vector: Vector, grid: Ints) -> pl.DataFrame:
    names = sorted({name for labels in vector for name, _ in labels})
    parts = [_rows(labels, values, grid, names) for labels, values in vector.items()]
    empty = pl.DataFrame(schema={"ts_ns": pl.Int64, "value": pl.Float64})
    return pl.concat(parts) if parts else empty


def _rows(labels: Labels, values: Floats, grid: Ints, names: list[str]) -> pl.DataFrame:
    told, known = dict(labels), np.isfinite(values)
    return pl.DataFrame({"ts_ns": grid[known], "value": values[known]}).with_columns(
        pl.lit(told.get(name), dtype=pl.String).alias(name) for name in names
    )
