from __future__ import annotations

import asyncio
import random
from typing import Any

from tenacity import RetryCallState, Retrying

from exporters.clients.caller import Caller
from exporters.clients.metrics import ClientMetrics
from exporters.requests import MetricsMiddleware, RequestMetrics
from exporters.telemetry import TelemetrySection, server_span, setup
from exporters.telemetry.gates import Gate
from exporters.telemetry.sink import Trouble

SCOPE = {
    "type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"",
    "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 1), "server": ("x", 80),
}  # fmt: skip


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def send(message: Any) -> None:
    pass


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b""}


def test_a_measured_request_leaves_the_global_random_state_as_it_was():
    measured = MetricsMiddleware(app, RequestMetrics(models=["chat"]))
    before = random.getstate()

    asyncio.run(measured(SCOPE, receive, send))

    assert before == random.getstate()


def test_spans_and_a_writer_that_waits_leave_the_global_random_state_as_it_was():
    nowhere = TelemetrySection(kind="none")
    before = random.getstate()

    with setup(nowhere, service_name="chat", instance="1", version="1") as telemetry:
        with server_span(telemetry.tracer, SCOPE) as first:
            pass
        with server_span(telemetry.tracer, SCOPE) as second:
            pass
    Gate(0.1, 1.0).close(Trouble("away", "nobody there"))

    assert before == random.getstate()
    traces = {span.get_span_context().trace_id for span in (first, second)}
    assert 2 == len(traces - {0})


def test_the_backoff_of_a_client_leaves_the_global_random_state_as_it_was():
    caller = Caller("upstream", ClientMetrics())
    state = RetryCallState(Retrying(), None, (), {})
    before = random.getstate()

    waits = {caller.backoff(state) for _ in range(9)}

    assert before == random.getstate()
    assert 9 == len(waits)
    assert all(0 <= wait <= caller.retry.backoff_cap_seconds for wait in waits)
