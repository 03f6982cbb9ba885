"""Metrics, spans and logs from the files of one folder: the past, without a server.

`metrics.parquet` has columns name, ts_ns, value and one per label, null where a series lacks it;
`spans.parquet` and `logs.parquet` are canonical frames, or some of their columns. Without them,
spans and logs are read from the embedded store (`traces-*.ndjson`, `logs-*.ndjson`, in the folder
or in its `store`, as a run of the demo has it), or from OTLP's JSON (`*.json`, `*.jsonl`,
`*.ndjson`: an export request a line, as the Collector's file exporter writes, or one a file).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analysis.frames import (
    LOG_REQUIRED,
    LOG_SCHEMA,
    SPAN_REQUIRED,
    SPAN_SCHEMA,
    check_logs,
    check_spans,
)
from analysis.sources import otlp
from analysis.sources.errors import SourceError
from analysis.sources.gap import Gap
from analysis.sources.promql import Evaluator, Floats, Labels, Vector
from analysis.sources.shapes import log_frame, span_frame
from analysis.sources.source import LIMIT
from analysis.sources.store import StoreSource
from analysis.sources.window import cut, state_problems

METRICS, SPANS, LOGS = "metrics.parquet", "spans.parquet", "logs.parquet"
EXPORTED = frozenset({".json", ".jsonl", ".ndjson"})
Schema = Mapping[str, pl.DataType]
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
    """Spans and logs; files that are not there are a gap."""

    def __init__(self, folder: Path) -> None:
        self.name = "files"
        self.gaps: list[Gap] = []
        self._folder = folder

    def spans(self, start_ns: int, end_ns: int, limit: int = LIMIT) -> pl.DataFrame:
        """Return the spans that start in the window, ordered by start."""
        frame = self._load("spans", SPANS, SPAN_SCHEMA, start_ns)
        return self._cut(check_spans(frame), start_ns, end_ns, limit)

    def logs(self, start_ns: int, end_ns: int, limit: int = LIMIT) -> pl.DataFrame:
        """Return the logs of the window, ordered by time."""
        frame = self._load("logs", LOGS, LOG_SCHEMA, start_ns)
        return self._cut(check_logs(frame), start_ns, end_ns, limit)

    def _load(self, kind: otlp.Kind, name: str, schema: Schema, start_ns: int) -> pl.DataFrame:
        path = self._folder / name
        if path.is_file():
            return self._canonical(_read(path), name, schema)
        stem = "traces" if kind == "spans" else kind
        for store in (self._folder, self._folder / "store"):
            if any(store.glob(f"{stem}-*.ndjson")):
                return self._stored(StoreSource(store), kind, start_ns)
        return self._exported(kind)

    def _canonical(self, frame: pl.DataFrame, name: str, schema: Schema) -> pl.DataFrame:
        """The canonical columns of a frame: those that it lacks are null, others are told."""
        strange = sorted(set(frame.columns) - set(schema))
        if strange:
            self.gaps.append(Gap(self.name, f"{name} has columns nobody reads: {strange}"))
        try:
            whole = frame.select(
                (pl.col(column) if column in frame.columns else pl.lit(None)).cast(kind)
                .alias(column) for column, kind in schema.items()
            )  # fmt: skip
        except pl.exceptions.PolarsError as error:
            why = str(error).splitlines()[0]
            raise SourceError(
                "the file", str(self._folder / name), f"has columns of another type ({why})",
                "write it as docs/sources.md says",
            ) from None  # fmt: skip
        known = whole.drop_nulls(SPAN_REQUIRED if schema is SPAN_SCHEMA else LOG_REQUIRED)
        if lost := whole.height - known.height:
            self.gaps.append(Gap(self.name, f"{lost} rows of {name} bear no time or no ids"))
        return known

    def _stored(self, store: StoreSource, kind: otlp.Kind, start_ns: int) -> pl.DataFrame:
        frame = (store.spans if kind == "spans" else store.logs)(start_ns, 2**62)
        self.gaps += [Gap(self.name, gap.gap) for gap in store.gaps]
        return frame

    def _exported(self, kind: otlp.Kind) -> pl.DataFrame:
        files = [
            path
            for path in sorted(self._folder.glob("*"))
            if path.suffix in EXPORTED and otlp.holds(path, kind)
        ]
        if not files:
            self.gaps.append(
                Gap(self.name, f"no {kind}.parquet, store or OTLP of {kind} in {self._folder}")
            )
        broken: list[str] = []
        hits = (hit for path in files for hit in otlp.read(path, kind, broken))
        frame, problems = (span_frame if kind == "spans" else log_frame)(hits)
        state_problems(self.gaps, self.name, kind, problems)
        if broken:
            first = f"{broken[0]} is" if len(broken) == 1 else f"{broken[0]} and more are"
            self.gaps.append(Gap(self.name, f"{first} no export request: {len(broken)} lines"))
        return frame

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
