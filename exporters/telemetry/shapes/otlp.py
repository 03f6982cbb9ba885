"""OTLP's JSON encoding: what a collector takes on `/v1/traces` and `/v1/logs`.

Each line is one whole `ResourceSpans` or `ResourceLogs`, resource and scope in front of the one
span or record, so that it can wait on disk by itself and still share a request with others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

import orjson
from opentelemetry.sdk.trace import ReadableSpan

from exporters.telemetry.document import STREAMS, Kind, Line, LogEntry, Origin
from exporters.telemetry.redact import Value
from exporters.telemetry.shapes.parts import facts, told

SPANS, RECORDS = b'"spans":[', b'"logRecords":['
_STATUS = {"": 0, "Ok": 1, "Error": 2}
_ODD = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


class OtlpShape:
    """Writes spans and log records as the protocol's JSON."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._tell = origin.redactor.attributes
        resource = {"attributes": _pairs(self._tell(origin.resource))}
        self._resource = orjson.dumps(resource)

    def span(self, span: ReadableSpan, weight: float = 1.0) -> Iterable[Line]:
        """Yield the span with its events and links."""
        known = facts(span, self._origin)
        if known is None:
            return
        context = span.get_span_context()
        document: dict[str, Any] = {
            "traceId": known.trace_id,
            "spanId": known.span_id,
            "parentSpanId": known.parent_id,
            "traceState": known.trace_state,
            "flags": int(context.trace_flags) if context else 0,
            "name": known.name,
            "kind": span.kind.value + 1,
            "startTimeUnixNano": str(known.start),
            "endTimeUnixNano": str(known.end),
            "attributes": _pairs(told(span, self._origin, known.trace_state, weight)),
            "events": [
                {
                    "name": event.name,
                    "timeUnixNano": str(event.timestamp),
                    "attributes": _pairs(self._tell(event.attributes)),
                }
                for event in span.events
            ],
            "links": [
                {
                    "traceId": f"{link.context.trace_id:032x}",
                    "spanId": f"{link.context.span_id:016x}",
                    "attributes": _pairs(self._tell(link.attributes)),
                }
                for link in span.links
            ],
            "status": {"code": _STATUS[known.status], "message": known.message},
        }
        identity = known.trace_id + known.span_id
        yield self._line("span", identity, SPANS, self._scope(span), document)

    def log(self, entry: LogEntry) -> Line:
        """Write one log record; its scope is its logger."""
        document: dict[str, Any] = {
            "timeUnixNano": str(entry.ts_ns),
            "observedTimeUnixNano": str(entry.ts_ns),
            "severityNumber": entry.severity,
            "severityText": entry.level,
            "body": {"stringValue": self._origin.redactor.clean(entry.body)},
            "attributes": _pairs(self._tell(entry.attributes)),
            "flags": entry.trace_flags,
            "traceId": entry.trace_id or "",
            "spanId": entry.span_id or "",
        }
        return self._line("log", entry.id, RECORDS, {"name": entry.logger}, document)

    def _line(
        self, kind: Kind, identity: str, what: bytes, scope: Mapping[str, Any], document: Any
    ) -> Line:
        group = b"scopeSpans" if kind == "span" else b"scopeLogs"
        text = b'{"resource":%b,"%b":[{"scope":%b,%b%b]}]}' % (
            self._resource, group, orjson.dumps(scope), what, orjson.dumps(document),
        )  # fmt: skip
        return Line(kind, f"{STREAMS[kind]}-otlp", identity, text)

    def _scope(self, span: ReadableSpan) -> dict[str, Any]:
        scope = span.instrumentation_scope
        if scope is None:
            return {}
        attributes = _pairs(self._tell(scope.attributes))
        return {"name": scope.name, "version": scope.version or "", "attributes": attributes}


def _pairs(values: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _any(value)} for key, value in values.items()]


def _any(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        # Beyond 64 bits the protocol has no number.
        return {"intValue": str(value)} if abs(value) < 2**63 else {"stringValue": str(value)}
    if isinstance(value, float):
        # JSON has no word for these; the protocol takes them as strings.
        return {"doubleValue": value if isfinite(value) else _ODD.get(str(value))}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any(item) for item in value]}}
    return {"stringValue": value} if value is not None else {}
