"""Turn a finished span or a log record into the documents of OpenTelemetry's `otel` mapping mode.

The shape is that of the Elasticsearch exporter of the OpenTelemetry Collector, but for the time:
that one writes the nanoseconds within a millisecond without leading zeros, which Elasticsearch
then reads as a decimal fraction. Here the fraction always has six digits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from exporters.telemetry.redact import clean, is_private, public

Value = str | bool | int | float | list[Any] | None

_KINDS = {
    SpanKind.INTERNAL: "Internal",
    SpanKind.SERVER: "Server",
    SpanKind.CLIENT: "Client",
    SpanKind.PRODUCER: "Producer",
    SpanKind.CONSUMER: "Consumer",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One document ready to be written: `index`, `id` and the JSON text."""

    kind: str
    index: str
    id: str
    document: bytes

    def bulk(self) -> bytes:
        """Write as the two lines of a bulk request that never overwrites."""
        action = b'{"create":{"_index":"%b","_id":"%b"}}\n'
        return action % (self.index.encode(), self.id.encode()) + self.document + b"\n"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What a log record says, taken in the thread and context that said it. `ts_ns` in UTC."""

    id: str
    ts_ns: int
    severity: int
    level: str
    logger: str
    body: str
    trace_id: str | None = None
    span_id: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose documents these are, and where they go."""

    resource: Mapping[str, Any]
    traces_index: str
    logs_index: str


def timestamp(ns: int) -> str:
    """Write nanoseconds since 1970 as `<milliseconds>.<six digits of the nanoseconds left>`."""
    milliseconds, rest = divmod(ns, 1_000_000)
    return f"{milliseconds}.{rest:06d}"


def attributes(values: Mapping[str, Any] | None) -> dict[str, Value]:
    """Keep what JSON can say and what may be told; texts are masked and cut."""
    if not values:
        return {}
    return {str(key): _value(value) for key, value in values.items() if not is_private(str(key))}


def _value(value: Any) -> Value:
    if isinstance(value, str):
        return clean(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return _structure(public(value))


def _structure(kept: Any) -> Value:
    if isinstance(kept, list):
        return [_structure(item) for item in kept]
    return clean(str(kept)) if isinstance(kept, str | dict) else cast(Value, kept)


def span_lines(span: ReadableSpan, origin: Origin) -> Iterable[Line]:
    """Yield the span's document, then one log document for each of its events."""
    context = span.get_span_context()
    if context is None:
        return
    trace_id, span_id = f"{context.trace_id:032x}", f"{context.span_id:016x}"
    document = span_document(span, trace_id, span_id, origin)
    identity = trace_id + span_id
    yield Line("span", origin.traces_index, identity, orjson.dumps(document))
    for number, event in enumerate(span.events):
        told = {
            "@timestamp": timestamp(event.timestamp),
            "data_stream": _stream(origin.logs_index),
            "trace_id": trace_id,
            "span_id": span_id,
            "attributes": {"event.name": event.name, **attributes(event.attributes)},
            "event_name": event.name,
            "resource": {"attributes": origin.resource},
            "scope": document["scope"],
        }
        yield Line("log", origin.logs_index, f"{identity}-{number}", orjson.dumps(told))


def span_document(
    span: ReadableSpan, trace_id: str, span_id: str, origin: Origin
) -> dict[str, Any]:
    """Write one finished span; fields that have no value are left out, as the exporter does."""
    start, end = span.start_time or 0, span.end_time or span.start_time or 0
    document: dict[str, Any] = {
        "@timestamp": timestamp(start),
        "data_stream": _stream(origin.traces_index),
        "trace_id": trace_id,
        "span_id": span_id,
        "name": clean(span.name),
        "kind": _KINDS[span.kind],
        "duration": max(0, end - start),
        "attributes": attributes(span.attributes),
        "links": [
            {
                "trace_id": f"{link.context.trace_id:032x}",
                "span_id": f"{link.context.span_id:016x}",
                "attributes": attributes(link.attributes),
            }
            for link in span.links
        ],
        "status": _status(span),
        "resource": {"attributes": origin.resource},
        "scope": _scope(span),
    }
    if span.parent is not None:
        document["parent_span_id"] = f"{span.parent.span_id:016x}"
    if span.context is not None and span.context.trace_state:
        document["trace_state"] = span.context.trace_state.to_header()
    return document


def _status(span: ReadableSpan) -> dict[str, str]:
    status: dict[str, str] = {}
    if span.status.status_code is not StatusCode.UNSET:
        status["code"] = "Ok" if span.status.status_code is StatusCode.OK else "Error"
    if span.status.description:
        status["message"] = clean(span.status.description)
    return status


def _scope(span: ReadableSpan) -> dict[str, Any]:
    scope = span.instrumentation_scope
    if scope is None:
        return {}
    return {"name": scope.name, "version": scope.version} if scope.version else {"name": scope.name}


def log_line(entry: LogEntry, origin: Origin) -> Line:
    """Write one log record."""
    document: dict[str, Any] = {
        "@timestamp": timestamp(entry.ts_ns),
        "observed_timestamp": timestamp(entry.ts_ns),
        "data_stream": _stream(origin.logs_index),
        "severity_text": entry.level,
        "severity_number": entry.severity,
        "attributes": attributes(entry.attributes),
        "resource": {"attributes": origin.resource},
        "scope": {"name": entry.logger},
        "body": {"text": clean(entry.body)},
    }
    if entry.trace_id and entry.span_id:
        document["trace_id"], document["span_id"] = entry.trace_id, entry.span_id
    return Line("log", origin.logs_index, entry.id, orjson.dumps(document))


def _stream(index: str) -> dict[str, str]:
    kind, dataset, namespace = index.split("-", 2)
    return {"type": kind, "dataset": dataset, "namespace": namespace}
