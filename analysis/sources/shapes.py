"""Documents of any shape -> canonical frames; the shape is told by the fields, one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

import polars as pl

from analysis.frames import LOG_SCHEMA, SPAN_SCHEMA, check_logs, check_spans
from analysis.sources import ecs_shape, otel_shape, raw_shape
from analysis.sources.mapped import log_row, span_row
from analysis.sources.values import Document, Hit, Row, ShapeError


class Reader(NamedTuple):
    """How documents of one shape become rows."""

    span: Callable[[Hit], Row]
    log: Callable[[Hit], Row]


OTEL = Reader(otel_shape.span_row, otel_shape.log_row)
ECS = Reader(
    lambda hit: span_row(hit, ecs_shape.FIELDS), lambda hit: log_row(hit, ecs_shape.FIELDS)
)
RAW = Reader(
    lambda hit: span_row(hit, raw_shape.FIELDS), lambda hit: log_row(hit, raw_shape.FIELDS)
)
TRACE_ID_FIELDS = ("trace_id", "trace.id", "TraceId")
"""The field of the trace's id in each shape."""


def reader(source: Document) -> Reader:
    """Tell the shape by the fields; indices of one name may hold several."""
    if "trace_id" in source or "resource" in source:
        return OTEL
    if not raw_shape.MARKS.isdisjoint(source):
        return RAW
    return OTEL if ecs_shape.MARKS.isdisjoint(source) else ECS


def span_frame(hits: Iterable[Hit]) -> tuple[pl.DataFrame, Counter[str]]:
    """Return the canonical spans, and how many documents are not spans, by the reason."""
    rows, problems = _rows(hits, lambda shape, hit: shape.span(hit))
    frame = pl.DataFrame(rows, schema=dict(SPAN_SCHEMA), orient="row")
    # One span may lie in several places; where it lies first is where it is cited from.
    once = frame.unique(["trace_id", "span_id"], keep="first", maintain_order=True)
    return check_spans(once.sort("ts_ns", maintain_order=True)), problems


def log_frame(hits: Iterable[Hit]) -> tuple[pl.DataFrame, Counter[str]]:
    """Return the canonical logs, and how many documents are not logs, by the reason."""
    rows, problems = _rows(hits, lambda shape, hit: shape.log(hit))
    frame = pl.DataFrame(rows, schema=dict(LOG_SCHEMA), orient="row")
    return check_logs(frame.sort("ts_ns", maintain_order=True)), problems


def _rows(
    hits: Iterable[Hit], convert: Callable[[Reader, Hit], Row]
) -> tuple[list[Row], Counter[str]]:
    rows: list[Row] = []
    problems: Counter[str] = Counter()
    for hit in hits:
        try:
            rows.append(convert(reader(hit.source), hit))
        except ShapeError as error:
            problems[str(error)] += 1
    return rows, problems
