"""Whichever function of the telling code raises, the service goes on as it would have."""

from __future__ import annotations

import logging
from contextvars import copy_context

from exporters.telemetry import (
    Attempts,
    inference_span,
    outgoing,
    phase,
    record_error,
    server_span,
    set_status,
    set_usage,
)
from exporters.telemetry.gen_ai import set_content
from tests.exporters.breaking import Breaker, differing, each_break

GUARDS = {
    "harmless.harmless",
    "harmless.harmless.<locals>.guarded",
    "harmless.complain",
    "logs.TelemetryHandler.emit",
    "logs.TelemetryHandler.heeds",
    "outlet.Outlet.put",
    "spans.opened",
    "spans.server_span",
    "spans.outgoing",
    "spans.Attempts.__init__",
    "spans.Attempts.attempt",
    "spans.Opened.__init__",
    "spans.Opened.__enter__",
    "spans.Opened.__exit__",
    "gen_ai.inference_span",
}
"""They hold the `try`, or hand on what they were given."""

SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/v1/completions",
    "scheme": "http",
    "http_version": "1.1",
    "server": ("service", 80),
    "client": ("127.0.0.1", 1),
    "headers": [
        (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        (b"user-agent", b"curl"),
    ],
}


def served(telemetry):
    """What a service does for a request, and what it sees of it."""
    tracer = telemetry.tracer
    told = []
    try:
        with server_span(tracer, SCOPE, request_id="r-1", route="/v1/completions") as span:
            phase(tracer, "queue", 1, 2, depth=3)
            attempts = Attempts(tracer)
            for _ in range(2):
                with attempts.attempt():
                    told.append(sorted(outgoing({"accept": "*"}))[:1])
            with inference_span(tracer, "chat", "llama", system="vllm", max_tokens=3) as model:
                set_usage(model, input_tokens=7)
                set_content(model, messages="hello", answer="hi")
            logging.getLogger("app").warning("served %s", "one", extra={"size": 3})
            set_status(span, 503)
            record_error(span, ValueError("busy"))
            told.append("answered")
            raise KeyError("the app's own")  # noqa: TRY301 - what leaves the block is the point
    except KeyError as error:
        told.append(repr(error))
    return told


def test_a_request_is_served_whichever_function_of_ours_raises(section, start):
    telemetry = start(section(kind="store"))

    told = each_break(
        Breaker(["exporters.telemetry"], {f"exporters.telemetry.{name}" for name in GUARDS}),
        lambda: lambda: copy_context().run(served, telemetry),  # a request's own, as in a server
    )

    assert differing(told) == {}
    assert told["nothing"] == [["accept"], ["accept"], "answered", 'KeyError("the app\'s own")']
    assert len(told) > 20
