"""Rows from a table of fields: for each canonical column the names it may have in a shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from analysis.sources.values import (
    Document,
    Hit,
    Row,
    ShapeError,
    first,
    hex_id,
    integer,
    nanoseconds,
    number,
    severity,
    text,
    to_json,
)  # fmt: skip

Names = tuple[str, ...]


@dataclass(frozen=True)
class Fields:
    """Where one shape keeps what; of several names the first that has a value wins.

    `spans` and `logs` map columns to names; `durations` names with the nanoseconds of their unit;
    `statuses` a value to ok or error; `attribute` tells the attribute's name of a field, or None
    where the field is none; `resource` names what is kept of the resource.
    """

    spans: Mapping[str, Names]
    logs: Mapping[str, Names]
    statuses: Mapping[Any, str]
    attribute: Callable[[str], str | None]
    resource: Mapping[str, str]
    durations: Mapping[str, int]
    end: str | None = None


def span_row(hit: Hit, fields: Fields) -> Row:
    """Translate one span; the tuple is in the order of SPAN_SCHEMA."""
    told = dict(flat(hit.source))

    def of(column: str) -> Any:
        return first(told, fields.spans.get(column, ()))

    trace_id, span_id = hex_id(of("trace_id"), 32), hex_id(of("span_id"), 16)
    if trace_id is None or span_id is None:
        raise ShapeError("no trace_id and span_id")
    start = nanoseconds(told.get("@timestamp"))
    return (
        start,
        _duration(told, start, fields),
        trace_id,
        span_id,
        hex_id(of("parent_id"), 16),
        text(of("service")),
        text(of("operation")),
        str(of("kind") or "").removeprefix("SPAN_KIND_").lower() or None,
        fields.statuses.get(of("status"), "unset"),
        text(of("status_message")),
        integer(of("http_status")),
        text(of("request_id")),
        text(of("pod")),
        text(of("node")),
        text(of("container")),
        text(of("model")),
        number(of("weight")),
        _attributes(told, fields),
        hit.index,
        hit.id,
    )


def log_row(hit: Hit, fields: Fields) -> Row:
    """Translate one log record; the tuple is in the order of LOG_SCHEMA."""
    told = dict(flat(hit.source))

    def of(column: str) -> Any:
        return first(told, fields.logs.get(column, ()))

    return (
        nanoseconds(told.get("@timestamp")),
        severity(of("severity"), of("level")),
        text(of("body")),
        text(of("logger")),
        text(of("service")),
        hex_id(of("trace_id"), 32),
        hex_id(of("span_id"), 16),
        text(of("request_id")),
        text(of("pod")),
        text(of("node")),
        text(of("exception_type")),
        text(of("stacktrace")),
        _attributes(told, fields),
        hit.index,
        hit.id,
    )


def flat(values: Document, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Write nested objects as dotted keys: writers use both, even in one document."""
    for key, value in values.items():
        if type(value) is dict:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _duration(told: Mapping[str, Any], start: int, fields: Fields) -> int | None:
    if fields.end is not None and fields.end in told:  # exact, as a duration is not
        return max(0, nanoseconds(told[fields.end]) - start)
    for name, unit in fields.durations.items():
        if (value := integer(told.get(name))) is not None:
            return value * unit
    return None


def _attributes(told: Mapping[str, Any], fields: Fields) -> str:
    named = ((fields.attribute(key), value) for key, value in told.items())
    resource = {key: told.get(name) for key, name in fields.resource.items()}
    return to_json({key: value for key, value in named if key is not None}, resource)
