"""Every way in which a request can end."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from exporters.requests import RequestMetrics
from exporters.requests.outcome import raised_by
from tests.exporters.requests.asgi import Readings, measured, scope

STEP = 0.02


async def chunks(breaks_at=None):
    for number in range(5):
        await asyncio.sleep(STEP)
        if number == breaks_at:
            raise RuntimeError("engine died")
        yield b"data: x\n\n"


async def stream(request):
    return StreamingResponse(chunks())


async def endless(request):
    async def tokens():
        while True:
            await asyncio.sleep(STEP)
            yield b"data: x\n\n"

    return StreamingResponse(tokens())


async def breaks_midstream(request):
    return StreamingResponse(chunks(breaks_at=2))


async def breaks_at_once(request):
    raise RuntimeError("engine died")


async def works_on_afterwards(request):
    return PlainTextResponse("ok", background=BackgroundTask(asyncio.sleep, 0.05))


async def is_busy(request):
    return PlainTextResponse("busy", status_code=503)


async def is_limited(request):
    return PlainTextResponse("slow down", status_code=429)


async def times_out(request):
    return PlainTextResponse("too late", status_code=504)


async def is_slow(request):
    await request.body()
    await asyncio.sleep(0.15)
    return PlainTextResponse("ok")


async def is_stuck(request):
    await request.body()
    await asyncio.Event().wait()


HANDLERS = (
    stream, endless, is_stuck, breaks_midstream, breaks_at_once, works_on_afterwards,
    is_busy, is_limited, times_out, is_slow,
)  # fmt: skip
APP = Starlette(
    routes=[Route(f"/{handler.__name__}", handler, methods=["POST"]) for handler in HANDLERS]
)


def ends(handler, **situation):
    path = handler if isinstance(handler, str) else f"/{handler.__name__}"
    spec = situation.pop("spec", "2.3")
    readings, _, _ = measured(APP, request=scope(path, spec=spec), **situation)
    assert readings.of("llm_requests_started", model="chat") == 1
    assert readings.of("llm_requests_in_flight", model="chat") == 0
    assert readings.of("busysignal_metrics_errors") == 0
    return readings


def duration(readings):
    return readings.of("llm_request_duration_seconds_sum", model="chat", priority="normal")


@pytest.mark.parametrize(
    ("handler", "situation", "ending"),
    [
        pytest.param(stream, {}, ("ok", "200"), id="a stream to its end"),
        pytest.param(stream, {"reads_slowly": 0.02}, ("ok", "200"), id="a slow client"),
        pytest.param(
            endless, {"cancelled_after": 2}, ("client_gone", "200"), id="cancelled midstream"
        ),
        pytest.param(
            endless, {"leaves_after": 2}, ("client_gone", "200"), id="disconnected midstream"
        ),
        pytest.param(
            stream, {"breaks_after": 2}, ("client_gone", "200"), id="send raises midstream"
        ),
        pytest.param(
            stream,
            {"breaks_after": 2, "spec": "2.4"},
            ("client_gone", "200"),
            id="send raises midstream under ASGI 2.4",
        ),
        pytest.param(
            breaks_midstream, {}, ("failed_midstream", "200"), id="the app raises midstream"
        ),
        pytest.param(breaks_at_once, {}, ("error", "500"), id="the app raises before it starts"),
        pytest.param(works_on_afterwards, {}, ("ok", "200"), id="a background task"),
        pytest.param(is_busy, {}, ("rejected", "503"), id="busy"),
        pytest.param(is_limited, {}, ("rejected", "429"), id="rate limited"),
        pytest.param(times_out, {}, ("timeout", "504"), id="gateway timeout"),
        pytest.param(
            is_stuck, {"cancelled_after": 0}, ("client_gone", "none"), id="cancelled before start"
        ),
        pytest.param(is_slow, {}, ("ok", "200"), id="a client that waits for a slow answer"),
        pytest.param("/nowhere", {}, ("ok", "404"), id="an unknown path is answered as it should"),
    ],
)
def test_each_request_ends_exactly_once_and_as_it_was(handler, situation, ending):
    assert ends(handler, **situation).endings() == {ending: 1}


def test_a_stream_is_timed_to_its_first_and_to_its_last_byte():
    readings = ends(stream)

    first = readings.of("llm_time_to_first_token_seconds_sum", model="chat", priority="normal")
    gaps = readings.of("llm_inter_token_latency_seconds_sum", model="chat")
    assert STEP <= first < duration(readings)
    assert first + gaps <= duration(readings)
    assert readings.of("llm_inter_token_latency_seconds_count", model="chat") == 4


def test_a_slow_client_lengthens_the_request():
    assert duration(ends(stream, reads_slowly=0.03)) >= 5 * STEP + 7 * 0.03


def test_a_request_is_over_before_its_background_task_begins():
    metrics = RequestMetrics(models=["chat"])
    seen = []

    async def works_on(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
        seen.append(Readings(metrics))
        raise RuntimeError("the background task failed")

    after, _, error = measured(works_on, metrics=metrics)

    assert isinstance(error, RuntimeError)
    assert seen[0].endings() == after.endings() == {("ok", "200"): 1}
    assert seen[0].of("llm_requests_in_flight", model="chat") == 0


def test_an_answer_in_one_piece_has_no_first_token():
    readings = ends(is_busy)

    assert not readings.of("llm_time_to_first_token_seconds_count", model="chat", priority="normal")


def test_an_app_that_ends_without_an_answer_is_an_error():
    async def silent(scope, receive, send):
        pass

    readings, _, _ = measured(silent)

    assert readings.endings() == {("error", "500"): 1}


def test_an_app_that_stops_in_the_middle_failed():
    async def half(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})

    readings, _, _ = measured(half)

    assert readings.endings() == {("failed_midstream", "200"): 1}


def test_a_timeout_that_escapes_the_app_is_a_timeout():
    async def waits(scope, receive, send):
        await asyncio.wait_for(asyncio.Event().wait(), 0.01)

    readings, _, error = measured(waits)

    assert isinstance(error, TimeoutError)
    assert readings.endings() == {("timeout", "500"): 1}


def test_an_upstreams_refusal_is_not_the_clients_doing():
    async def calls_upstream(scope, receive, send):
        raise ConnectionRefusedError("features is down")

    readings, _, _ = measured(calls_upstream)

    assert readings.endings() == {("error", "500"): 1}


def test_a_client_that_left_while_the_app_did_not_listen_is_gone():
    async def deaf(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(3):
            await asyncio.sleep(0.03)
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    readings, _, _ = measured(deaf, leaves_after=1)

    assert readings.endings() == {("client_gone", "200"): 1}


def test_a_client_lost_on_the_last_byte_is_gone():
    async def answers(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"all"})

    readings, _, error = measured(answers, breaks_after=0)

    assert isinstance(error, OSError)
    assert readings.endings() == {("client_gone", "200"): 1}


def test_a_client_lost_on_the_last_byte_is_gone_though_the_app_shrugs():
    async def shrugs(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        with contextlib.suppress(OSError):
            await send({"type": "http.response.body", "body": b"all"})

    readings, _, error = measured(shrugs, breaks_after=0)

    assert error is None
    assert readings.endings() == {("client_gone", "200"): 1}


def test_a_lost_client_is_found_inside_an_exception_group():
    async def send(message):
        raise OSError("connection lost")

    async def app():
        try:
            await send({})
        except OSError as error:
            raise ExceptionGroup("streams", [error]) from None

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(app())

    assert raised_by(send, caught.value)
    assert not raised_by(app, OSError("elsewhere"))
