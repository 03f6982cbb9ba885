"""OpenTelemetry's `otel` mapping mode: fields as in the protocol, attributes under their names.

The shape is that of the Elasticsearch exporter of the OpenTelemetry Collector, but for the time:
that one writes the nanoseconds within a millisecond without leading zeros, which Elasticsearch
then reads as a decimal fraction. Here the fraction always has six digits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind

from exporters.telemetry.document import Line, LogEntry, Origin
from exporters.telemetry.shapes.parts import facts, told

_KINDS = {
    SpanKind.INTERNAL: "Internal",
    SpanKind.SERVER: "Server",
    SpanKind.CLIENT: "Client",
    SpanKind.PRODUCER: "Producer",
    SpanKind.CONSUMER: "Consumer",
}


def timestamp(ns: int) -> str:
    """Write nanoseconds since 1970 as `<milliseconds>.<six digits of the nanoseconds left>`."""
    milliseconds, rest = divmod(ns, 1_000_000)
    return f"{milliseconds}.{rest:06d}"


class OtelShape:
    """Writes the `otel` shape; a span's events become log documents of their own."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._tell = origin.redactor.attributes
        resource = {"attributes": self._tell(origin.resource)}
        self._resource = orjson.Fragment(orjson.dumps(resource))
        self._spans, self._logs = origin.stream("span"), origin.stream("log")

    def span(self, span: ReadableSpan, weight: float = 1.0) -> Iterable[Line]:
        """Yield the span's document, then one log document for each of its events."""
        known = facts(span, self._origin)
        if known is None:
            return
        scope = self._scope(span.instrumentation_scope)
        document: dict[str, Any] = {
            "@timestamp": timestamp(known.start),
            "data_stream": self._spans,
            "trace_id": known.trace_id,
            "span_id": known.span_id,
            "name": known.name,
            "kind": _KINDS[span.kind],
            "duration": known.end - known.start,
            "attributes": told(span, self._origin, known.trace_state, weight),
            "links": self._links(span),
            "status": _status(known.status, known.message),
            "resource": self._resource,
            "scope": scope,
        }
        if known.parent_id:
            document["parent_span_id"] = known.parent_id
        if known.trace_state:
            document["trace_state"] = known.trace_state
        if span.dropped_attributes or span.dropped_events or span.dropped_links:
            _note_dropped(span, document)
        identity = known.trace_id + known.span_id
        index = self._origin.index("span", known.start)
        yield Line("span", index, identity, orjson.dumps(document))
        for number, event in enumerate(span.events):
            happened = {
                "@timestamp": timestamp(event.timestamp),
                "data_stream": self._logs,
                "trace_id": known.trace_id,
                "span_id": known.span_id,
                "attributes": {**self._tell(event.attributes), "event.name": event.name},
                "event_name": event.name,
                "resource": self._resource,
                "scope": scope,
            }
            index = self._origin.index("log", event.timestamp)
            yield Line("log", index, f"{identity}-{number}", orjson.dumps(happened))

    def log(self, entry: LogEntry) -> Line:
        """Write one log record."""
        document: dict[str, Any] = {
            "@timestamp": timestamp(entry.ts_ns),
            "observed_timestamp": timestamp(entry.ts_ns),
            "data_stream": self._logs,
            "severity_number": entry.severity,
            "attributes": self._tell(entry.attributes),
            "resource": self._resource,
            "scope": {"name": entry.logger},
            "body": {"text": self._origin.redactor.clean(entry.body)},
        }
        if entry.level:
            document["severity_text"] = entry.level
        if entry.trace_id and entry.span_id:
            document["trace_id"], document["span_id"] = entry.trace_id, entry.span_id
        index = self._origin.index("log", entry.ts_ns)
        return Line("log", index, entry.id, orjson.dumps(document))

    def _links(self, span: ReadableSpan) -> list[dict[str, Any]]:
        links: list[dict[str, Any]] = []
        for link in span.links:
            target: dict[str, Any] = {
                "trace_id": f"{link.context.trace_id:032x}",
                "span_id": f"{link.context.span_id:016x}",
            }
            if attributes := self._tell(link.attributes):
                target["attributes"] = attributes
            links.append(target)
        return links

    def _scope(self, scope: InstrumentationScope | None) -> dict[str, Any]:
        if scope is None:
            return {}
        document: dict[str, Any] = {"name": scope.name}
        if scope.version:
            document["version"] = scope.version
        if attributes := self._tell(scope.attributes):
            document["attributes"] = attributes
        return document


def _status(code: str, message: str) -> dict[str, str]:
    status = {"code": code} if code else {}
    return {**status, "message": message} if message else status


def _note_dropped(span: ReadableSpan, document: dict[str, Any]) -> None:
    for what in ("attributes", "events", "links"):
        if count := getattr(span, f"dropped_{what}"):
            document[f"dropped_{what}_count"] = count
