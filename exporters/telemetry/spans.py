"""The spans of a served request under OpenTelemetry's names: `http.*`, phases, attempts, errors.

HTTP names are the stable ones (semantic conventions 1.23 and later).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, Tracer

from exporters.telemetry.logs import REQUEST_ID

_METHODS = frozenset({
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE",
})  # fmt: skip


@contextmanager
def server_span(
    tracer: Tracer, scope: Mapping[str, Any], *, request_id: str | None = None, route: str = ""
) -> Iterator[Span]:
    """The SERVER span of an ASGI request, child of the caller's if it sent a `traceparent`.

    Named by method and `route`, a template such as `/users/{id}`. `request_id` is for every span
    and log of this context below. An exception that leaves the block is told and goes on.
    """
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    if request_id is not None:
        REQUEST_ID.set(request_id)  # the request's task ends with it
    attributes = {**_method(scope["method"]), **_url(scope), **_client(scope, headers)}
    if route:
        attributes["http.route"] = route
    name = attributes["http.request.method"]
    with tracer.start_as_current_span(
        f"{name} {route}" if route else str(name),
        context=propagate.extract(headers),
        kind=SpanKind.SERVER,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as error:
            record_error(span, error)
            raise


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


def _client(scope: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    client = scope.get("client") or (None,)
    told = {"client.address": client[0], "user_agent.original": headers.get("user-agent")}
    return {key: value for key, value in told.items() if value is not None}


def set_status(span: Span, status: int) -> None:
    """Note the response's status: 500 and above is an error, for a caller 400 and above."""
    if not span.is_recording():
        return
    span.set_attribute("http.response.status_code", status)
    is_callers = getattr(span, "kind", None) is SpanKind.CLIENT
    if status >= (400 if is_callers else 500):
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)


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

    @contextmanager
    def attempt(self, **attributes: Any) -> Iterator[Span]:
        """One call. Its span tells an exception that leaves the block, which goes on."""
        links = [Link(self._first, {"link.kind": "retry_of"})] if self._first else []
        if self._count:
            attributes["http.request.resend_count"] = self._count
        self._count += 1
        with self._tracer.start_as_current_span(
            self._name,
            kind=SpanKind.CLIENT,
            attributes=attributes,
            links=links,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            self._first = self._first or span.get_span_context()
            try:
                yield span
            except Exception as error:
                record_error(span, error)
                raise


def outgoing(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers for the next service, with the current span as their `traceparent`."""
    carrier = dict(headers)
    propagate.inject(carrier)
    return carrier


def current() -> Span:
    """The span that is open in this context, or one that takes everything and tells nothing."""
    return trace.get_current_span()
