"""The spans of a served request under OpenTelemetry's names: `http.*`, phases, attempts, errors.

HTTP names are the stable ones (semantic conventions 1.23 and later). Nothing that goes wrong in
here reaches the request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Token
from functools import lru_cache
from types import TracebackType
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
)

from exporters.catalog.canary import SYNTHETIC_HEADER
from exporters.telemetry.harmless import complain, harmless
from exporters.telemetry.logs import REQUEST_ID

_SYNTHETIC = SYNTHETIC_HEADER.encode()
_METHODS = frozenset({
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE",
})  # fmt: skip


@lru_cache(maxsize=1)
def _propagated(by: TextMapPropagator) -> frozenset[bytes]:
    """The headers that the propagator reads."""
    return frozenset(name.encode() for name in by.fields)


class Opened:
    """A span that is current within the block; an exception that leaves it is told and goes on."""

    __slots__ = ("_base", "_span", "_token")

    def __init__(self, span: Span, base: Context | None = None) -> None:
        self._span = span
        self._base = base
        self._token: Token[Context] | None = None

    def __enter__(self) -> Span:
        try:
            self._token = attach(trace.set_span_in_context(self._span, self._base))
        except Exception as failure:  # noqa: BLE001 - telling never breaks serving
            complain("a span", failure)
        return self._span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_back: TracebackType | None,
    ) -> None:
        try:
            if self._token is not None:
                detach(self._token)
            if isinstance(error, Exception):
                record_error(self._span, error)
            self._span.end()
        except Exception as failure:  # noqa: BLE001 - telling never breaks serving
            complain("a span's end", failure)


def opened(make: Callable[[], Opened]) -> Opened:
    """What `make` opens; where that fails, a span that takes everything and tells nothing."""
    try:
        return make()
    except Exception as failure:  # noqa: BLE001 - telling never breaks serving
        complain("opening a span", failure)
        return Opened(NonRecordingSpan(trace.get_current_span().get_span_context()))


def server_span(
    tracer: Tracer, scope: Mapping[str, Any], *, request_id: str | None = None, route: str = ""
) -> Opened:
    """The SERVER span of an ASGI request, child of the caller's if it sent a `traceparent`.

    Named by method and `route`, a template such as `/users/{id}`. `request_id` is for every span
    and log of this context below. An exception that leaves the block is told and goes on.
    """
    return opened(lambda: _server_span(tracer, scope, request_id, route))


def _server_span(
    tracer: Tracer, scope: Mapping[str, Any], request_id: str | None, route: str
) -> Opened:
    if request_id is not None:
        REQUEST_ID.set(request_id)  # the request's task ends with it
    propagated = _propagated(propagate.get_global_textmap())
    carrier = {
        key.decode("latin-1"): value.decode("latin-1")
        for key, value in scope["headers"]
        if key in propagated
    }
    context = propagate.extract(carrier) if carrier else None
    method = scope["method"]
    name = method if method in _METHODS else "_OTHER"
    span = tracer.start_span(f"{name} {route}" if route else name, context, SpanKind.SERVER)
    if span.is_recording():  # most are not, where few are sampled
        span.set_attributes({**_method(method), **_url(scope), **_client(scope)})
        if route:
            span.set_attribute("http.route", route)
    return Opened(span, context)


def _method(method: str) -> dict[str, Any]:
    if method in _METHODS:
        return {"http.request.method": method}
    return {"http.request.method": "_OTHER", "http.request.method_original": method}


def _url(scope: Mapping[str, Any]) -> dict[str, Any]:
    server = scope.get("server") or (None, None)
    told = {
        "url.path": scope.get("path"),
        "url.scheme": scope.get("scheme"),
        "network.protocol.version": scope.get("http_version"),
        "server.address": server[0],
        "server.port": server[1],
    }
    return {key: value for key, value in told.items() if value is not None}


def _client(scope: Mapping[str, Any]) -> dict[str, Any]:
    client = scope.get("client") or (None,)
    told = {"client.address": client[0]} if client[0] else {}
    for key, value in scope["headers"]:
        if key == b"user-agent":
            told["user_agent.original"] = value.decode("latin-1")
        elif key == _SYNTHETIC:
            told["user_agent.synthetic.type"] = "test"
    return told


@harmless
def set_status(span: Span, status: int) -> None:
    """Note the response's status: 500 and above is an error, for a caller 400 and above."""
    if not span.is_recording():
        return
    span.set_attribute("http.response.status_code", status)
    is_callers = getattr(span, "kind", None) is SpanKind.CLIENT
    if status >= (400 if is_callers else 500):
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)


@harmless
def record_error(span: Span, error: BaseException) -> None:
    """Tell an exception: an event with type, message and stack, `error.type`, and the status."""
    if not span.is_recording():
        return
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    span.record_exception(error)
    span.set_attribute("error.type", name)
    span.set_status(Status(StatusCode.ERROR, str(error) or name))


@harmless
def phase(tracer: Tracer, name: str, start_ns: int, end_ns: int, **attributes: Any) -> None:
    """A child of the current span for a phase that is over: `queue`, `prefill`, `decode`.

    Times are Unix nanoseconds.
    """
    span = tracer.start_span(name, start_time=start_ns, attributes=attributes)
    span.end(end_time=end_ns)


class Attempts:
    """The calls that one request takes: each a CLIENT span, retries linked to the first."""

    def __init__(self, tracer: Tracer, name: str = "attempt") -> None:
        self._tracer = tracer
        self._name = name
        self._first: SpanContext | None = None
        self._count = 0

    def attempt(self, **attributes: Any) -> Opened:
        """One call. Its span tells an exception that leaves the block, which goes on."""
        return opened(lambda: self._attempt(attributes))

    def _attempt(self, attributes: dict[str, Any]) -> Opened:
        links = [Link(self._first, {"link.kind": "retry_of"})] if self._first else []
        if self._count:
            attributes["http.request.resend_count"] = self._count
        self._count += 1
        span = self._tracer.start_span(self._name, None, SpanKind.CLIENT, attributes, links)
        self._first = self._first or span.get_span_context()
        return Opened(span)


def outgoing(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers for the next service, with the current span as their `traceparent`."""
    carrier = dict(headers)
    harmless(propagate.inject)(carrier)
    return carrier


def current() -> Span:
    """The span that is open in this context, or one that takes everything and tells nothing."""
    return trace.get_current_span()
