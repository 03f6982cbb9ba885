"""The `raw` mapping mode, and once the default: flat keys, attributes without a prefix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from opentelemetry.sdk.trace import ReadableSpan

from exporters.telemetry.document import Kind, Line, LogEntry, Origin, iso
from exporters.telemetry.shapes.parts import facts, told, unambiguous

_STATUS = {"": 0, "Ok": 1, "Error": 2}


class RawShape:
    """Writes the `raw` shape; a span's events are fields of its own document."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._tell = origin.redactor.attributes
        self._resource = _under("Resource", self._tell(origin.resource))

    def span(self, span: ReadableSpan, weight: float = 1.0) -> Iterable[Line]:
        """Yield the span's document."""
        known = facts(span, self._origin)
        if known is None:
            return
        fields: dict[str, Any] = {
            "@timestamp": iso(known.start),
            "EndTimestamp": iso(known.end),
            "TraceId": known.trace_id,
            "SpanId": known.span_id,
            "Name": known.name,
            "Kind": f"SPAN_KIND_{span.kind.name}",
            "TraceStatus": _STATUS[known.status],
            "Link": self._links(span),
            "Duration": (known.end - known.start) // 1_000,
            **self._resource,
            **self._scope(span),
            **told(span, self._origin, known.trace_state, weight),
            **self._stream("span"),
        }
        if known.parent_id:
            fields["ParentSpanId"] = known.parent_id
        if known.message:
            fields["TraceStatusDescription"] = known.message
        for event in span.events:
            fields[f"{event.name}.time"] = iso(event.timestamp)
            fields |= _under(event.name, self._tell(event.attributes))
        yield Line(
            "span", self._origin.index("span", known.start), known.trace_id + known.span_id,
            orjson.dumps(unambiguous(fields)),
        )  # fmt: skip

    def log(self, entry: LogEntry) -> Line:
        """Write one log record."""
        fields: dict[str, Any] = {
            "@timestamp": iso(entry.ts_ns),
            "TraceFlags": entry.trace_flags,
            "SeverityNumber": entry.severity,
            "Body": self._origin.redactor.clean(entry.body),
            **self._resource,
            "Scope.name": entry.logger,
            **self._tell(entry.attributes),
            **self._stream("log"),
        }
        if entry.level:
            fields["SeverityText"] = entry.level
        if entry.trace_id and entry.span_id:
            fields |= {"TraceId": entry.trace_id, "SpanId": entry.span_id}
        index = self._origin.index("log", entry.ts_ns)
        return Line("log", index, entry.id, orjson.dumps(unambiguous(fields)))

    def _links(self, span: ReadableSpan) -> str:
        links = [
            {
                "attribute": self._tell(link.attributes),
                "spanID": f"{link.context.span_id:016x}",
                "traceID": f"{link.context.trace_id:032x}",
            }
            for link in span.links
        ]
        return orjson.dumps(links, option=orjson.OPT_SORT_KEYS).decode()

    def _scope(self, span: ReadableSpan) -> dict[str, Any]:
        scope = span.instrumentation_scope
        if scope is None:
            return {}
        named = {"name": scope.name, **({"version": scope.version} if scope.version else {})}
        return _under("Scope", {**self._tell(scope.attributes), **named})

    def _stream(self, kind: Kind) -> dict[str, Any]:
        return _under("data_stream", self._origin.stream(kind))


def _under(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{key}": value for key, value in values.items()}
