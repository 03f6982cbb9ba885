"""Requests of our own canary: seen, counted apart, and in no series that a user's SLO reads."""

from __future__ import annotations

import io
import json
import re

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from exporters.requests import (
    MetricsMiddleware,
    RequestMetrics,
    WsgiMetricsMiddleware,
    annotations_of,
)
from inference_probe.canary import CanarySection, TargetSection
from inference_probe.canary.server import ask_once
from tests.endpoints import GOOD
from tests.exporters.requests.asgi import Readings, measured, scope
from tests.running import running

MARKED = [(b"host", b"x"), (b"x-busysignal-synthetic", b"1")]


async def answer(scope, receive, send):
    annotations_of(scope).generated_tokens = 3
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a", "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def untouched(metrics: RequestMetrics) -> str:
    """The users' part of the page, without the errors' help and the synthetic series."""
    return re.sub(r"(# \w+ )?llm_synthetic_.*\n", "", metrics.collect_text()).replace("# HELP ", "")


def test_a_synthetic_request_moves_no_series_of_the_users():
    metrics = RequestMetrics(models=["chat"])
    before = untouched(metrics)

    readings, _, _ = measured(answer, metrics=metrics, request=scope(headers=MARKED))

    assert untouched(metrics) == before
    labels = {"model": "chat", "outcome": "ok", "status": "200"}
    assert readings.of("llm_synthetic_requests", **labels) == 1
    assert readings.of("llm_synthetic_request_duration_seconds_count", model="chat") == 1


def test_it_says_of_a_failure_what_a_user_would_have_met():
    metrics = RequestMetrics(models=["chat", "draft"])

    async def failing(scope, receive, send):
        annotations_of(scope).model = "draft"
        raise ValueError("broken")

    readings, _, _ = measured(failing, metrics=metrics, request=scope(headers=MARKED))

    labels = {"model": "draft", "outcome": "error", "status": "500"}
    assert readings.of("llm_synthetic_requests", **labels) == 1
    assert readings.of("llm_requests_started", model="draft") == 0


def test_a_model_that_is_not_known_is_other():
    metrics = RequestMetrics(models=["chat", "draft"])

    readings, _, _ = measured(answer, metrics=metrics, request=scope(headers=MARKED))

    labels = {"model": "_other", "outcome": "ok", "status": "200"}
    assert readings.of("llm_synthetic_requests", **labels) == 1


def test_wsgi_keeps_them_apart_too():
    metrics = RequestMetrics(models=["chat"])
    before = untouched(metrics)

    def app(environ, start_response):
        start_response("200 OK", [])
        return [b"fine"]

    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/v1/completions",
        "HTTP_X_BUSYSIGNAL_SYNTHETIC": "1",
        "wsgi.input": io.BytesIO(),
    }
    pieces = WsgiMetricsMiddleware(app, metrics)(environ, lambda *_: None)
    assert b"".join(pieces) == b"fine"
    pieces.close()

    assert untouched(metrics) == before
    labels = {"model": "chat", "outcome": "ok", "status": "200"}
    assert Readings(metrics).of("llm_synthetic_requests", **labels) == 1


def test_the_canary_asks_a_real_server_and_is_told_from_its_users():
    async def complete(request: Request) -> StreamingResponse:
        def events():
            for document in GOOD:
                yield f"data: {json.dumps(document)}\n\n"
            yield "data: [DONE]\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    metrics = RequestMetrics(models=["tiny"])
    app = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])
    with running(MetricsMiddleware(app, metrics)) as url:
        target = TargetSection(name="chat", url=f"{url}/v1", model="tiny")
        (attempt,) = ask_once(CanarySection(targets=(target,)))

    assert attempt.outcome == "ok"
    readings = Readings(metrics)
    labels = {"model": "tiny", "outcome": "ok", "status": "200"}
    assert readings.of("llm_synthetic_requests", **labels) == 1
    assert readings.of("llm_requests", **labels) == 0
