"""The canonical frames of spans and logs: every source ends in these columns, no other."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from exporters.errors import BusySignalError

SPAN_SCHEMA: Mapping[str, pl.DataType] = {
    "ts_ns": pl.Int64(),
    "duration_ns": pl.Int64(),
    "trace_id": pl.String(),
    "span_id": pl.String(),
    "parent_id": pl.String(),
    "service": pl.String(),
    "operation": pl.String(),
    "kind": pl.String(),
    "status": pl.String(),
    "status_message": pl.String(),
    "http_status": pl.Int64(),
    "request_id": pl.String(),
    "pod": pl.String(),
    "node": pl.String(),
    "container": pl.String(),
    "model": pl.String(),
    "weight": pl.Float64(),
    "attributes": pl.String(),
    "source_index": pl.String(),
    "source_id": pl.String(),
}
"""`ts_ns` is the start, UTC; `kind` and `status` are lower case; `weight` is the number of spans
this one stands for after sampling; `attributes` is JSON text of one flat object, resource
attributes in it as `resource.NAME`. Missing is null."""

LOG_SCHEMA: Mapping[str, pl.DataType] = {
    "ts_ns": pl.Int64(),
    "severity": pl.Int64(),
    "body": pl.String(),
    "logger": pl.String(),
    "service": pl.String(),
    "trace_id": pl.String(),
    "span_id": pl.String(),
    "request_id": pl.String(),
    "pod": pl.String(),
    "node": pl.String(),
    "exception_type": pl.String(),
    "stacktrace": pl.String(),
    "attributes": pl.String(),
    "source_index": pl.String(),
    "source_id": pl.String(),
}
"""`severity` is OpenTelemetry's 1-24; the rest as in SPAN_SCHEMA."""

SPAN_REQUIRED = ("ts_ns", "trace_id", "span_id")
LOG_REQUIRED = ("ts_ns",)


class FrameError(BusySignalError):
    """A frame is not one of the canonical ones."""


def check_spans(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame if it is a canonical frame of spans; raise FrameError if not."""
    return _check(frame, SPAN_SCHEMA, SPAN_REQUIRED, "spans")


def check_logs(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame if it is a canonical frame of logs; raise FrameError if not."""
    return _check(frame, LOG_SCHEMA, LOG_REQUIRED, "logs")


def _check(
    frame: pl.DataFrame, schema: Mapping[str, pl.DataType], required: tuple[str, ...], name: str
) -> pl.DataFrame:
    if frame.columns != list(schema):
        missing = sorted(set(schema) - set(frame.columns))
        extra = sorted(set(frame.columns) - set(schema))
        raise FrameError(
            f"a frame of {name} lacks {missing or 'nothing'} and has {extra or 'nothing'} more; "
            f"its columns are, in this order: {', '.join(schema)}"
        )
    for column, kind in schema.items():
        if frame.schema[column] != kind:
            raise FrameError(
                f"column {column} of a frame of {name} is {frame.schema[column]}; cast it to {kind}"
            )
    for column in required:
        if frame[column].null_count():
            raise FrameError(
                f"column {column} of a frame of {name} has {frame[column].null_count()} nulls; "
                "leave such rows out and state a gap"
            )
    return frame
