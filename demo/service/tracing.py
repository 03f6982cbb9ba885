"""Spans of one request, with OpenTelemetry's stable attribute names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import propagate
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from starlette.types import Message, Scope, Send

from demo.service.openai_api import Completion
from exporters.telemetry import REQUEST_ID


@contextmanager
def server_span(tracer: Tracer, scope: Scope, request_id: str) -> Iterator[Span]:
    """The SERVER span of a request, child of the caller's if it sent a `traceparent`."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    attributes = {"http.request.method": scope["method"], "url.path": scope["path"]}
    REQUEST_ID.set(request_id)  # for every span and log below; the task ends with the request
    with tracer.start_as_current_span(
        f"{scope['method']} {scope['path']}",
        context=propagate.extract(headers),
        kind=SpanKind.SERVER,
        attributes=attributes,
    ) as span:
        yield span


def with_status(span: Span, send: Send) -> Send:
    """A `send` that notes the response's status on the span."""

    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            set_status(span, message["status"])
        await send(message)

    return noting


def set_status(span: Span, status: int) -> None:
    """Note an HTTP status; 500 and above is an error of this service."""
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)


def set_usage(span: Span, completion: Completion, generated: int | None = None) -> None:
    """Note the model and the tokens in and out."""
    span.set_attribute("gen_ai.request.model", completion.model)
    span.set_attribute("gen_ai.usage.input_tokens", len(completion.prompt))
    if generated is not None:
        span.set_attribute("gen_ai.usage.output_tokens", generated)


def phase_span(tracer: Tracer, name: str, start_ns: int, end_ns: int) -> None:
    """A child of the current span for a phase that is already over."""
    tracer.start_span(name, start_time=start_ns).end(end_time=end_ns)


def outgoing(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers for the next service, with the current span as their `traceparent`."""
    carrier: dict[str, Any] = dict(headers)
    propagate.inject(carrier)
    return carrier
