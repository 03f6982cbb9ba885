from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.requests import Annotations, MetricsMiddleware, RequestMetrics, annotations_of
from tests.exporters.requests.asgi import Client, Readings, call, measured, scope


async def answer(send, status=200):
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def annotating(**said):
    async def app(scope, receive, send):
        for name, value in said.items():
            setattr(annotations_of(scope), name, value)
        await answer(send, said.get("status", 200))

    return app


def test_what_the_app_says_of_a_request_is_counted():
    app = annotating(priority="vip", prompt_tokens=700, cached_tokens=512, generated_tokens=20)

    readings, _, _ = measured(app)

    assert readings.of("llm_prompt_tokens", model="chat") == 700
    assert readings.of("llm_cached_tokens", model="chat") == 512
    assert readings.of("llm_generated_tokens", model="chat") == 20
    assert readings.of("llm_prompt_length_tokens_bucket", model="chat", le="512.0") == 0
    assert readings.of("llm_prompt_length_tokens_bucket", model="chat", le="1024.0") == 1
    assert readings.of("llm_request_duration_seconds_count", model="chat", priority="vip") == 1


@pytest.mark.parametrize(
    ("status", "given", "reason"),
    [
        pytest.param(503, "queue_full", "queue_full", id="as given"),
        pytest.param(503, "moon phase", "_other", id="not in the closed set"),
        pytest.param(503, None, "_other", id="not given"),
        pytest.param(429, None, "rate_limit", id="a 429 means the rate limit"),
    ],
)
def test_a_rejection_has_a_reason(status, given, reason):
    async def app(scope, receive, send):
        scope["busysignal"].reason = given
        await answer(send, status)

    readings, _, _ = measured(app)

    assert readings.of("llm_requests_rejected", model="chat", reason=reason) == 1


def test_names_outside_the_closed_sets_are_counted_as_other():
    metrics = RequestMetrics(models=["chat", "draft"])

    readings, _, _ = measured(annotating(model="made-up", priority="root"), metrics=metrics)

    labels = {"model": "_other", "priority": "_other"}
    assert readings.of("llm_requests", model="_other", outcome="ok", status="200") == 1
    assert readings.of("llm_request_duration_seconds_count", **labels) == 1
    assert readings.of("llm_requests_started", model="_other") == 1


def test_a_request_moves_to_the_model_the_app_finds_in_its_body():
    metrics = RequestMetrics(models=["chat", "draft"])
    seen = []

    async def app(scope, receive, send):
        seen.append(flying(metrics))
        scope["busysignal"].model = "draft"
        seen.append(flying(metrics))
        await answer(send)

    readings, _, _ = measured(app, metrics=metrics)

    assert seen == [{"_other": 1}, {"draft": 1}]
    assert flying(metrics) == {}
    assert readings.of("llm_requests_started", model="draft") == 1
    assert readings.of("llm_requests_started", model="_other") == 0


def test_a_fallback_to_another_model_starts_no_second_request():
    metrics = RequestMetrics(models=["chat", "draft"])

    async def app(scope, receive, send):
        scope["busysignal"].model = "chat"
        scope["busysignal"].model = "draft"
        await answer(send)

    readings, _, _ = measured(app, metrics=metrics)

    assert readings.of("llm_requests_started", model="chat") == 1
    assert readings.of("llm_requests_started", model="draft") == 0
    assert readings.of("llm_requests", model="draft", outcome="ok", status="200") == 1


def flying(metrics):
    values = Readings(metrics).values
    return {
        labels.split('"')[1]: value
        for (name, labels), value in values.items()
        if name == "llm_requests_in_flight" and value
    }


@pytest.mark.parametrize(
    ("value", "resent"), [(b"0", 0), (b"1", 1), (b"12", 1), (b"", 0), (b"-1", 0), (b"\xff", 0)]
)
def test_a_request_that_calls_itself_a_retry_is_counted(value, resent):
    request = scope(headers=[(b"x-stainless-retry-count", value)])

    readings, _, _ = measured(annotating(), request=request)

    assert readings.of("llm_requests_resent", model="chat") == resent
    assert readings.of("busysignal_metrics_errors") == 0


@pytest.mark.parametrize(
    ("path", "method", "counted"),
    [
        ("/v1/completions", "POST", 1),
        ("/v1/completions", "GET", 0),
        ("/metrics", "POST", 0),
        ("/-/ready", "POST", 0),
    ],
)
def test_only_requests_for_answers_are_measured(path, method, counted):
    readings, caller, _ = measured(annotating(model="chat"), request=scope(path, method))

    assert readings.of("llm_requests_started", model="chat") == counted
    assert caller.received[-1]["body"] == b"ok"


def test_paths_may_be_chosen():
    metrics = RequestMetrics(models=["chat"])
    app = MetricsMiddleware(annotating(), metrics, paths=["/score"])

    for path in ("/score", "/v1/completions"):
        asyncio.run(once(app, scope(path)))

    assert Readings(metrics).of("llm_requests_started", model="chat") == 1


def test_the_model_may_be_told_from_the_scope():
    metrics = RequestMetrics(models=["chat", "draft"])
    app = MetricsMiddleware(annotating(), metrics, model_of=lambda scope: scope["path"][1:])

    asyncio.run(once(app, scope("/draft")))

    assert Readings(metrics).of("llm_requests_started", model="draft") == 1


async def once(app, request):
    return await call(app, Client(), request=request)


def test_two_middlewares_count_a_request_once():
    metrics = RequestMetrics(models=["chat"])
    inner = MetricsMiddleware(annotating(), metrics)

    readings, _, _ = measured(inner, metrics=metrics)

    assert readings.of("llm_requests_started", model="chat") == 1


def test_other_protocols_pass_through():
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["type"], receive, send))

    middleware = MetricsMiddleware(app, RequestMetrics())
    asyncio.run(middleware({"type": "lifespan"}, "receive", "send"))

    assert seen == [("lifespan", "receive", "send")]


def test_annotations_of_an_unmeasured_request_go_nowhere():
    assert isinstance(annotations_of({}), Annotations)


@given(st.lists(st.binary(max_size=8)), st.lists(st.binary(max_size=8)))
def test_bodies_and_streams_pass_through_untouched(body, stream):
    heard = []
    said = [
        {"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]},
        *({"type": "http.response.body", "body": part, "more_body": True} for part in stream),
        {"type": "http.response.body"},
    ]
    asked = [{"type": "http.request", "body": part, "more_body": True} for part in body]
    asked.append({"type": "http.request"})

    async def app(scope, receive, send):
        heard.extend([await receive() for _ in asked])
        for number, message in enumerate(said):
            await send(message)
            assert client.received[number] is message  # passed on at once, as the same object

    class Uploading(Client):
        async def receive(self):
            return waiting.pop(0) if waiting else await super().receive()

    waiting = list(asked)

    async def run():
        nonlocal client
        client = Uploading()
        return await call(MetricsMiddleware(app, RequestMetrics()), client)

    client = None
    assert asyncio.run(run()) is None
    assert client.received == said
    assert heard == asked


def test_the_gateways_own_signals():
    metrics = RequestMetrics(models=["chat"])

    metrics.queue_depth(4, model="chat", priority="vip")
    metrics.queue_wait(0.2, model="chat", priority="vip")
    metrics.attempt("r1", "ok", 0.3)
    metrics.ejected("r1", is_ejected=True)
    metrics.fallback("chat")
    metrics.upstream("features", "ok", 0.02)

    readings = Readings(metrics)
    assert readings.of("llm_queue_depth", model="chat", priority="vip") == 4
    assert readings.of("llm_queue_wait_seconds_count", model="chat", priority="vip") == 1
    assert readings.of("llm_attempts", replica="r1", outcome="ok") == 1
    assert readings.of("llm_attempt_duration_seconds_sum", replica="r1") == 0.3
    assert readings.of("llm_replica_ejected", replica="r1") == 1
    assert readings.of("llm_fallbacks", model="chat") == 1
    assert (
        readings.of("llm_upstream_duration_seconds_sum", upstream="features", outcome="ok") == 0.02
    )


def test_the_page_of_a_service_that_has_served_nobody(golden):
    golden.check("idle.txt", RequestMetrics(models=["chat"]).collect_text())


def test_without_any_models_arrivals_count_at_once_as_other():
    metrics = RequestMetrics()
    seen = []

    async def app(scope, receive, send):
        seen.append(Readings(metrics).of("llm_requests_started", model="_other"))
        annotations_of(scope).model = "whatever"
        await answer(send)

    readings, _, _ = measured(app, metrics=metrics)

    assert seen == [1]
    assert readings.of("llm_requests_started", model="_other") == 1
    assert readings.of("llm_requests_in_flight", model="_other") == 0
    assert readings.endings() == {("ok", "200"): 1}


def test_without_any_models_the_series_of_other_start_at_zero():
    readings = Readings(RequestMetrics())

    assert readings.of("llm_requests", model="_other", outcome="error", status="500") == 0
    assert readings.of("llm_requests_rejected", model="_other", reason="queue_full") == 0
    assert readings.of("llm_request_duration_seconds_count", model="_other", priority="normal") == 0


def test_a_request_leaves_nothing_to_the_garbage_collector():
    metrics = RequestMetrics(models=["chat"])
    seen = []

    async def app(scope, receive, send):
        seen.append(weakref.ref(annotations_of(scope)))
        await answer(send)

    gc.collect()
    gc.disable()
    try:
        measured(app, metrics=metrics)
        assert [ref() for ref in seen] == [None]
    finally:
        gc.enable()
