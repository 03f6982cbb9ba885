"""Spans of one request: what only this service adds to the helpers of `exporters.telemetry`."""

from __future__ import annotations

from opentelemetry.trace import Span, Tracer
from starlette.types import Message, Scope, Send

from demo.service.openai_api import Completion
from exporters import telemetry
from exporters.telemetry import Opened, outgoing, set_status
from exporters.telemetry import phase as phase_span

__all__ = ["outgoing", "phase_span", "server_span", "set_status", "set_usage", "with_status"]


def server_span(tracer: Tracer, scope: Scope, request_id: str) -> Opened:
    """The SERVER span of a request; this service has no paths but its routes."""
    return telemetry.server_span(tracer, scope, request_id=request_id, route=scope["path"])


def with_status(span: Span, send: Send) -> Send:
    """A `send` that notes the response's status on the span."""

    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            set_status(span, message["status"])
        await send(message)

    return noting


def set_usage(span: Span, completion: Completion, generated: int | None = None) -> None:
    """Note the model and the tokens in and out."""
    span.set_attribute("gen_ai.request.model", completion.model)
    telemetry.set_usage(span, input_tokens=len(completion.prompt), output_tokens=generated)
