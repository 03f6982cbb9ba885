"""Tokens told by the answer itself, without holding it back."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.requests import RequestMetrics, usage
from tests.exporters.requests.asgi import measured

EVENT = b'data: {"choices":[{"delta":{"content":"x"}}],"usage":null}\n\n'
DONE = b"data: [DONE]\n\n"


def event(**said):
    return b"data: " + json.dumps(said).encode() + b"\n\n"


def streaming(*chunks, kind=b"text/event-stream; charset=utf-8", status=200):
    async def app(scope, receive, send):
        headers = [(b"content-type", kind)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


def whole(body):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return app


def tokens(readings):
    names = ("llm_prompt_tokens", "llm_generated_tokens", "llm_cached_tokens")
    return tuple(readings.of(name, model="chat") for name in names)


OPENAI = {
    "prompt_tokens": 9,
    "completion_tokens": 4,
    "total_tokens": 13,
    "prompt_tokens_details": {"cached_tokens": 2},
}
ANTHROPIC = {"input_tokens": 5, "cache_read_input_tokens": 3, "output_tokens": 4}


@pytest.mark.parametrize(
    ("app", "counted"),
    [
        pytest.param(
            streaming(EVENT, EVENT, event(usage=OPENAI), DONE), (9, 4, 2), id="in a stream's end"
        ),
        pytest.param(streaming(EVENT, event(usage=OPENAI)), (9, 4, 2), id="without an end marker"),
        pytest.param(
            whole(json.dumps({"choices": ["x" * 9000], "usage": OPENAI}).encode()),
            (9, 4, 2),
            id="at the end of a long answer",
        ),
        pytest.param(whole(json.dumps({"usage": ANTHROPIC}).encode()), (8, 4, 3), id="Anthropic's"),
        pytest.param(
            whole(b'{"usage":{"input_tokens":6,"output_tokens":2}}'), (6, 2, 0), id="Responses API"
        ),
        pytest.param(whole(b'{"about":"usage","usage":null}'), (0, 0, 0), id="null"),
        pytest.param(streaming(EVENT, EVENT, EVENT, DONE), (0, 3, 0), id="counted by events"),
        pytest.param(
            streaming(b": ping\n\n", EVENT, b": ping\n\n", EVENT), (0, 2, 0), id="comments are none"
        ),
        pytest.param(
            streaming(b"x", b"y", kind=b"application/octet-stream"), (0, 0, 0), id="a file has none"
        ),
    ],
)
def test_tokens_are_read_off_the_answer(app, counted):
    readings, _, error = measured(app)

    assert error is None
    assert tokens(readings) == counted
    assert readings.of("busysignal_metrics_errors") == 0


def test_what_the_app_says_goes_before_what_the_answer_says():
    stream = streaming(EVENT, event(usage=OPENAI), DONE)

    async def app(scope, receive, send):
        scope["busysignal"].generated_tokens = 40
        await stream(scope, receive, send)

    assert tokens(measured(app)[0]) == (9, 40, 2)


@given(st.binary(max_size=60).map(lambda tail: usage.KEY + b":{" + tail))
def test_no_text_can_break_the_reading(text):
    found = usage.read(text)

    assert found is None or all(
        count is None or count >= 0 for count in (found.prompt, found.generated, found.cached)
    )


def test_refusals_do_not_quicken_the_latency_of_what_was_served():
    metrics = RequestMetrics(models=["chat"])
    for status in (503, 503, 200):
        readings, _, _ = measured(streaming(b"x", status=status), metrics=metrics)

    name = "llm_request_duration_by_outcome_seconds_count"
    assert readings.of(name, model="chat", priority="normal", outcome="ok") == 1
    assert readings.of(name, model="chat", priority="normal", outcome="rejected") == 2
    whole = "llm_request_duration_seconds_count"
    assert readings.of(whole, model="chat", priority="normal") == 3


def test_the_first_good_answer_of_a_process_is_its_cold_start():
    metrics = RequestMetrics(models=["chat"])
    seen = [
        measured(streaming(b"x", status=status), metrics=metrics)[0].of(
            "llm_cold_start_seconds", model="chat"
        )
        for status in (503, 404, 200, 200)
    ]

    assert seen[:2] == [None, None]
    assert seen[2] is not None
    assert seen[3] == seen[2]


def test_a_client_that_leaves_after_the_end_marker_had_it_all():

    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": DONE, "more_body": True})
        await asyncio.sleep(0.08)
        await send({"type": "http.response.body", "body": b""})

    readings, _, _ = measured(app, leaves_after=1)

    assert readings.endings() == {("ok", "200"): 1}
