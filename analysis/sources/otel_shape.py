"""Documents of OpenTelemetry's `otel` mapping mode -> canonical rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import polars as pl

from analysis.frames import LOG_SCHEMA, SPAN_SCHEMA, check_logs, check_spans

Document = Mapping[str, Any]
Row = tuple[Any, ...]

SPAN_FIELDS = (
    "@timestamp", "trace_id", "span_id", "parent_span_id", "trace_state", "name", "kind",
    "duration", "status", "attributes", "resource.attributes",
)  # fmt: skip
LOG_FIELDS = (
    "@timestamp", "trace_id", "span_id", "severity_number", "severity_text", "event_name",
    "body", "body_text", "attributes", "resource.attributes", "scope.name",
)  # fmt: skip

_REQUEST_IDS = (
    "request_id", "request.id", "http.request.header.x-request-id", "http.request.id",
    "gen_ai.request.id", "gen_ai.response.id",
)  # fmt: skip
_KEPT_RESOURCE = ("service.version", "service.instance.id", "host.name")
_LEVELS = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "WARNING": 13, "ERROR": 17,
           "CRITICAL": 21, "FATAL": 21}  # fmt: skip
_ISO = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


@dataclass(frozen=True, slots=True)
class Hit:
    """A document and where it lies."""

    index: str
    id: str
    source: Document


class ShapeError(ValueError):
    """A document is not of this shape."""


def span_frame(hits: Iterable[Hit]) -> tuple[pl.DataFrame, Counter[str]]:
    """Return the canonical spans, and how many documents are not spans, by the reason."""
    rows, problems = _rows(hits, span_row)
    frame = pl.DataFrame(rows, schema=dict(SPAN_SCHEMA), orient="row")
    # One span may lie in several places; where it lies first is where it is cited from.
    once = frame.unique(["trace_id", "span_id"], keep="first", maintain_order=True)
    return check_spans(once.sort("ts_ns", maintain_order=True)), problems


def log_frame(hits: Iterable[Hit]) -> tuple[pl.DataFrame, Counter[str]]:
    """Return the canonical logs, and how many documents are not logs, by the reason."""
    rows, problems = _rows(hits, log_row)
    frame = pl.DataFrame(rows, schema=dict(LOG_SCHEMA), orient="row")
    return check_logs(frame.sort("ts_ns", maintain_order=True)), problems


def _rows(hits: Iterable[Hit], convert: Callable[[Hit], Row]) -> tuple[list[Row], Counter[str]]:
    rows: list[Row] = []
    problems: Counter[str] = Counter()
    for hit in hits:
        try:
            rows.append(convert(hit))
        except ShapeError as error:
            problems[str(error)] += 1
    return rows, problems


def span_row(hit: Hit) -> Row:
    """Translate one span; the tuple is in the order of SPAN_SCHEMA."""
    source = hit.source
    told = _mapping(source, "attributes")
    resource = _mapping(_mapping(source, "resource"), "attributes")
    status = _mapping(source, "status")
    trace_id, span_id = hex_id(source.get("trace_id"), 32), hex_id(source.get("span_id"), 16)
    if trace_id is None or span_id is None:
        raise ShapeError("no trace_id and span_id")
    return (
        nanoseconds(source.get("@timestamp")),
        _integer(source.get("duration")),
        trace_id,
        span_id,
        hex_id(source.get("parent_span_id"), 16),
        _text(look(resource, "service.name")),
        _text(source.get("name")),
        (_text(source.get("kind")) or "").lower() or None,
        (_text(status.get("code")) or "unset").lower(),
        _text(status.get("message")),
        _integer(_first(told, ("http.response.status_code", "http.status_code"))),
        _text(_first(told, _REQUEST_IDS)),
        _text(look(resource, "k8s.pod.name")),
        _text(_first(resource, ("k8s.node.name", "host.name"))),
        _text(look(resource, "container.id")),
        _text(_first(told, ("gen_ai.request.model", "gen_ai.response.model"))),
        weight(source.get("trace_state")),
        _json(told, resource),
        hit.index,
        hit.id,
    )


def log_row(hit: Hit) -> Row:
    """Translate one log record; the tuple is in the order of LOG_SCHEMA."""
    source = hit.source
    told = _mapping(source, "attributes")
    resource = _mapping(_mapping(source, "resource"), "attributes")
    body = _mapping(source, "body")
    structured = _mapping(body, "structured")
    return (
        nanoseconds(source.get("@timestamp")),
        _severity(source),
        _body(source, body, structured),
        _text(_mapping(source, "scope").get("name")),
        _text(look(resource, "service.name")),
        hex_id(source.get("trace_id"), 32),
        hex_id(source.get("span_id"), 16),
        _text(_first(told, _REQUEST_IDS) or _first(structured, _REQUEST_IDS)),
        _text(look(resource, "k8s.pod.name")),
        _text(_first(resource, ("k8s.node.name", "host.name"))),
        _text(look(told, "exception.type")),
        _text(look(told, "exception.stacktrace")),
        _json(told, resource),
        hit.index,
        hit.id,
    )


def nanoseconds(value: Any) -> int:
    """Read `@timestamp` as nanoseconds since 1970, UTC.

    The exporter writes `<ms>.<ns>` with the nanoseconds of that millisecond as an integer
    without leading zeros: `5.123` is 5 ms and 123 ns, not 5.123 ms. Elasticsearch itself, where
    it rebuilds a document from its fields, answers ISO 8601; metrics carry whole milliseconds.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value * 1_000_000
    if isinstance(value, str):
        milliseconds, _, rest = value.partition(".")
        if milliseconds.isdecimal() and (not rest or (rest.isdecimal() and len(rest) <= 6)):
            return int(milliseconds) * 1_000_000 + int(rest or 0)
        if match := _ISO.fullmatch(value):
            seconds = datetime.fromisoformat(match[1]).replace(tzinfo=UTC).timestamp()
            return int(seconds) * 1_000_000_000 + int((match[2] or "0").ljust(9, "0"))
    raise ShapeError("no readable @timestamp")


def hex_id(value: Any, digits: int) -> str | None:
    """Read an id as lower-case hex of full length; some writers strip zeros. All zeros is none."""
    if not isinstance(value, str) or not value.strip("0"):
        return None
    return value.lower().zfill(digits)


def weight(trace_state: Any) -> float | None:
    """How many spans this one stands for, by OpenTelemetry's sampling threshold (`ot=th:...`)."""
    if not isinstance(trace_state, str):
        return None
    match = re.search(r"(?:^|,)ot=(?:[^,]*;)?th:([0-9a-f]{1,14})(?:[;,]|$)", trace_state)
    if match is None:
        return None
    return 1.0 / (1.0 - int(match[1].ljust(14, "0"), 16) / 16.0**14)


def look(values: Mapping[str, Any], key: str) -> Any:
    """Find `a.b` as one flat key or as nested objects: writers do both, even in one document."""
    if key in values:
        return values[key]
    head, dot, rest = key.partition(".")
    inner = values.get(head) if dot else None
    return look(inner, rest) if isinstance(inner, dict) else None


def _first(values: Mapping[str, Any], keys: Iterable[str]) -> Any:
    for key in keys:
        value = look(values, key)
        if isinstance(value, list):  # headers come as lists
            value = value[0] if value else None
        if value is not None and value != "":
            return value
    return None


def _mapping(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return (
        value if isinstance(value, str) and value else None if value in (None, "") else str(value)
    )


def _integer(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _severity(source: Document) -> int | None:
    number = _integer(source.get("severity_number"))
    if number and 1 <= number <= 24:
        return number
    return _LEVELS.get(str(source.get("severity_text", "")).upper())


def _body(source: Document, body: Mapping[str, Any], structured: Mapping[str, Any]) -> str | None:
    text = _text(body.get("text")) or _text(source.get("body_text"))
    if text is None and structured:
        return orjson.dumps(structured).decode()
    return text or _text(source.get("event_name"))


def _json(told: Mapping[str, Any], resource: Mapping[str, Any]) -> str:
    kept = {f"resource.{key}": look(resource, key) for key in _KEPT_RESOURCE}
    present = {key: value for key, value in kept.items() if value is not None}
    return orjson.dumps({**told, **present}).decode()
