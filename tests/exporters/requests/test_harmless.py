"""Whatever breaks inside the metrics, the request never learns of it."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.requests import MetricsMiddleware, RequestMetrics
from exporters.requests.asgi import AsgiExchange
from tests.exporters.requests.asgi import Client, Readings, call, measured

ANSWER = [
    {"type": "http.response.start", "status": 200, "headers": []},
    {"type": "http.response.body", "body": b"a", "more_body": True},
    {"type": "http.response.body", "body": b"b", "more_body": True},
    {"type": "http.response.body", "body": b""},
]


async def app(scope, receive, send):
    await receive()
    for message in ANSWER:
        await send(message)


class Failing:
    """Raises whenever it is touched and `fails` says so."""

    def __init__(self, fails):
        self._fails = fails

    def __getattr__(self, name):
        if self._fails():
            raise RuntimeError(f"storage is broken: {name}")
        return Failing(self._fails)

    def __call__(self, *values):
        return self

    def __add__(self, other):
        return self

    __iadd__ = __sub__ = __isub__ = __add__


class BrokenMetrics(RequestMetrics):
    """A storage that raises on the chosen calls."""

    def __init__(self, broken):
        super().__init__(models=["chat"])
        self.broken = broken

    def arrived(self, *given):
        self._break("arrived")
        super().arrived(*given)

    def finished(self, *given):
        self._break("finished")
        super().finished(*given)

    def _streamed(self, *given):
        self._break("streamed")
        super()._streamed(*given)

    def _break(self, name):
        if name in self.broken:
            raise MemoryError(name)


@pytest.mark.parametrize("broken", ["arrived", "finished", "streamed"])
def test_a_storage_that_raises_is_counted_and_kept_from_the_request(broken):
    readings, caller, error = measured(app, metrics=BrokenMetrics({broken}))

    assert error is None
    assert caller.received == ANSWER
    assert readings.of("busysignal_metrics_errors") == 1


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_a_storage_that_raises_at_any_moment_changes_nothing_for_the_client(moments):
    left = list(moments)
    metrics = RequestMetrics(models=["chat"])
    metrics._default = Failing(lambda: left.pop() if left else False)
    metrics._errors = Failing(lambda: True)

    async def once():
        client = Client()
        error = await call(MetricsMiddleware(app, metrics), client)
        return error, client.received

    assert asyncio.run(once()) == (None, ANSWER)


ODD = st.none() | st.integers() | st.text() | st.binary() | st.lists(st.integers())


@given(
    st.dictionaries(
        st.sampled_from(
            ["model", "priority", "reason", "prompt_tokens", "cached_tokens", "generated_tokens"]
        ),
        ODD,
    ),
)
def test_odd_annotations_change_nothing_for_the_client(said):
    async def odd(scope, receive, send):
        for name, value in said.items():
            setattr(scope["busysignal"], name, value)
        await app(scope, receive, send)

    _, caller, error = measured(odd)

    assert error is None
    assert caller.received == ANSWER


@given(st.lists(st.dictionaries(st.sampled_from(["type", "body", "status", "more_body"]), ODD)))
def test_odd_messages_reach_the_server_as_they_are(messages):
    async def odd(scope, receive, send):
        for message in messages:
            await send(message)

    class Recorder(Client):
        async def send(self, message):
            self.received.append(message)

    async def once():
        client = Recorder()
        error = await call(MetricsMiddleware(odd, RequestMetrics()), client)
        return error, client.received

    assert asyncio.run(once()) == (None, messages)


def test_a_model_that_cannot_be_told_from_the_scope_is_no_reason_to_fail():
    def model_of(scope):
        raise KeyError("x-model")

    metrics = RequestMetrics(models=["chat"])

    async def once():
        client = Client()
        await call(MetricsMiddleware(app, metrics, model_of=model_of), client)
        return client.received

    assert asyncio.run(once()) == ANSWER
    assert Readings(metrics).of("busysignal_metrics_errors") == 1


@given(ODD, ODD)
def test_the_apps_own_calls_never_raise(first, second):
    metrics = RequestMetrics(models=["chat"])

    metrics.queue_depth(first, model=second, priority=first)
    metrics.queue_wait(first, model=second, priority=first)
    metrics.attempt(first, second, first)
    metrics.ejected(first, is_ejected=second)
    metrics.fallback(first)
    metrics.upstream(first, second, first)

    assert Readings(metrics).values


def test_an_exchange_adds_no_coroutine_to_a_streamed_chunk():
    exchange = AsgiExchange({}, None, id, 0.0)
    message = {"type": "http.response.body", "body": b"x", "more_body": True}

    assert exchange.send(message) == id(message)
