"""A client span for each attempt, the retried ones linked to the first; context passed on."""

from __future__ import annotations

import functools
from urllib.parse import urlsplit

from opentelemetry import propagate, trace
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer

from exporters.clients.metrics import ClientMetrics


class AttemptSpans:
    """The spans of one request's attempts; whatever fails in here is counted and kept inside."""

    def __init__(self, tracer: Tracer, metrics: ClientMetrics) -> None:
        self._tracer, self._metrics = tracer, metrics
        self._first: Span | None = None

    def begin(self, method: str, url: str, number: int) -> tuple[Span | None, dict[str, str]]:
        """Start attempt `number` (0 is the first); the headers that carry its context."""
        headers: dict[str, str] = {}
        try:
            span = self._tracer.start_span(
                method,
                kind=SpanKind.CLIENT,
                attributes=_attributes(method, url, number),
                links=[Link(self._first.get_span_context())] if self._first else None,
            )
            self._first = self._first or span
            propagate.inject(headers, context=trace.set_span_in_context(span))
        except Exception:  # noqa: BLE001 - the point: tracing never breaks a call
            self._metrics.failed()
            return None, {}
        return span, headers

    def end(self, span: Span | None, status: int | None, error_type: str | None) -> None:
        """End an attempt's span; HTTP 4xx and 5xx are errors to a client."""
        if span is None:
            return
        try:
            if status is not None:
                span.set_attribute("http.response.status_code", status)
            if status is not None and status >= 400:
                error_type = error_type or str(status)
            if error_type is not None:
                span.set_attribute("error.type", error_type)
                span.set_status(StatusCode.ERROR)
            span.end()
        except Exception:  # noqa: BLE001 - the point: tracing never breaks a call
            self._metrics.failed()


def _attributes(method: str, url: str, number: int) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {"http.request.method": method, **_place(url)}
    if number:
        attributes["http.request.resend_count"] = number
    return attributes


@functools.lru_cache(maxsize=256)
def _place(url: str) -> dict[str, str | int]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port else ""
    attributes: dict[str, str | int] = {
        "server.address": host,
        # Without user and query: both may hold secrets.
        "url.full": f"{parts.scheme}://{shown}{port}{parts.path}",
    }
    if parts.port:
        attributes["server.port"] = parts.port
    return attributes
