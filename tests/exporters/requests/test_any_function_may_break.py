"""Whichever function of the measuring code raises, callers and clients get what they would have."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import grpc
import pytest

from exporters.requests import (
    MetricsMiddleware,
    RequestMetrics,
    WsgiMetricsMiddleware,
    exchange,
)
from exporters.requests.grpc_aio import AioMetricsInterceptor
from exporters.requests.grpc_sync import MetricsInterceptor
from tests.exporters.breaking import Breaker, differing, each_break
from tests.exporters.requests.asgi import Client, call, scope

ROOMS = ("exporters.requests", "exporters.exposition")
GUARDS = {
    "middleware.MetricsMiddleware.__call__",
    "middleware.MetricsMiddleware._open",
    "asgi.AsgiExchange.send",
    "asgi.AsgiExchange.receive",
    "asgi.AsgiExchange.broke_off",
    "asgi.AsgiExchange._send_last",
    "websocket.WebsocketExchange.send",
    "websocket.WebsocketExchange.receive",
    "websocket.WebsocketExchange.broke_off",
    "websocket.WebsocketExchange._send_last",
    "wsgi.WsgiMetricsMiddleware.__call__",
    "wsgi.WsgiMetricsMiddleware._open",
    "wsgi.WsgiExchange.watching",
    "wsgi.WsgiExchange.watching.<locals>.start",
    "wsgi.WsgiExchange.watched",
    "wsgi.WsgiExchange.piece",
    "wsgi.WsgiExchange.finished",
    "wsgi.WsgiExchange.broke_off",
    "wsgi.WsgiExchange._writing",
    "wsgi.WsgiExchange._writing.<locals>.writing",
    "wsgi._Answer.__init__",
    "wsgi._Answer.__iter__",
    "wsgi._Answer.__next__",
    "wsgi._Answer.close",
    "wsgi._SizedAnswer.__len__",
    "exchange.Exchange.close",
    "exchange.ThreadedExchange.close",
    "exchange.ThreadedExchange._named",
    "annotations.Annotations.model",
    "metrics.TrackedRequest._named",
    "rpc.Calls.opened",
    "rpc.Calls.unknown",
    "rpc.behavior_of",
    "rpc.rewrapped",
    "grpc_sync.MetricsInterceptor.intercept_service",
    "grpc_sync.measured",
    "grpc_sync.measured.<locals>.unary",
    "grpc_sync.measured.<locals>.stream",
    "grpc_sync.begin",
    "grpc_sync.begin.<locals>.<lambda>",
    "grpc_sync.end_with",
    "grpc_aio.AioMetricsInterceptor.intercept_service",
    "grpc_aio._awaiting",
    "grpc_aio._awaiting.<locals>.handle",
    "grpc_aio._generating",
    "grpc_aio._generating.<locals>.handle",
    "grpc_aio._WatchedContext.__init__",
    "grpc_aio._WatchedContext.__getattr__",
    "grpc_aio._WatchedContext.write",
    "grpc_aio._begin",
    "grpc_aio._broke",
    "rpc.Call.message",
    "rpc.Call.answered",
    "rpc.Call.left",
    "rpc.Call.raised",
    "rpc.Call.over",
    "rpc.Call.__del__",
    "metrics.harmless.<locals>.guarded",
    "metrics.RequestMetrics.failed",
    "synthetic.SyntheticMetrics.failed",
    "synthetic.SyntheticMetrics.named",
}
"""They hold the `try`, or hand on what they were given."""

USAGE = b'data: {"usage": {"prompt_tokens": 7, "completion_tokens": 3}}\n\n'
EVENTS = [(b"content-type", b"text/event-stream")]
RETRIED = (b"x-stainless-retry-count", b"2")
SYNTHETIC = (b"x-busysignal-synthetic", b"1")


def breaker():
    return Breaker(ROOMS, {f"exporters.requests.{name}" for name in GUARDS})


def new_metrics():
    return RequestMetrics(models=["chat", "draft"], trace_id=lambda: "ab" * 16)


# ---- ASGI


async def service(scope, receive, send):
    await receive()
    what = scope["path"][1:]
    told = scope["busysignal"] if "busysignal" in scope else SimpleNamespace()
    told.model, told.priority = "chat", "vip"
    if what == "fails":
        raise RuntimeError("engine died")
    if what == "silent":
        return
    status = 503 if what == "busy" else 200
    told.reason = "queue_full"
    await send({"type": "http.response.start", "status": status, "headers": EVENTS})
    if what in {"stream", "breaks"}:
        for body in (b"data: a\n\n", b"data: b\n\n", USAGE):
            await send({"type": "http.response.body", "body": body, "more_body": True})
            if what == "breaks":
                raise RuntimeError("engine died")
    await send({"type": "http.response.body", "body": USAGE})


HTTP = {
    "answer": {},
    "stream": {"headers": [RETRIED]},
    "synthetic": {"path": "/stream", "headers": [SYNTHETIC]},
    "busy": {},
    "fails": {},
    "breaks": {},
    "silent": {},
}


@pytest.fixture(autouse=True)
def every_client_is_asked_for(monkeypatch):
    monkeypatch.setattr(exchange, "HANG_UP_SECONDS", 0.0)


@pytest.mark.parametrize("situation", HTTP)
def test_over_http(situation):
    request = {"path": f"/{situation}", **HTTP[situation]}

    def make():
        app = MetricsMiddleware(service, new_metrics())

        def run():
            async def once():
                client = Client()
                error = await call(app, client, request=scope(**request))
                return repr(error), client.received

            return asyncio.run(once())

        return run

    told = each_break(breaker(), make)

    assert differing(told) == {}
    assert len(told) > 10


async def session(scope, receive, send):
    await receive()
    if scope["path"] == "/refused":
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "websocket.accept"})
    for text in ("a", "b"):
        await send({"type": "websocket.send", "text": text})
    if scope["path"] == "/fails":
        raise RuntimeError("engine died")
    if scope["path"] == "/left":
        await receive()
        return
    await send({"type": "websocket.close", "code": 1000})


@pytest.mark.parametrize("path", ["/talk", "/refused", "/fails", "/left"])
def test_over_a_websocket(path):
    def make():
        app = MetricsMiddleware(session, new_metrics(), websockets=True)

        def run():
            said = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
            received, error = [], None

            async def receive():
                return said.pop(0)

            async def send(message):
                received.append(message)

            async def once():
                await app({**scope(path), "type": "websocket"}, receive, send)

            try:
                asyncio.run(once())
            except RuntimeError as raised:
                error = raised
            return repr(error), received

        return run

    told = each_break(breaker(), make)

    assert differing(told) == {}
    assert len(told) > 5


# ---- WSGI


def wsgi_service(environ, start_response):
    what = environ["PATH_INFO"][1:]
    if what == "fails":
        raise RuntimeError("engine died")
    if what == "stream":
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return iter([b"data: a\n\n", USAGE])
    if what == "breaks":
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return breaking_pieces()
    if what == "writes":
        write = start_response("200 OK", [])
        write(b"a")
        return []
    start_response(
        "503 Busy" if what == "busy" else "200 OK", [("Content-Length", str(len(USAGE)))]
    )
    return [USAGE]


def breaking_pieces():
    yield b"data: a\n\n"
    raise RuntimeError("engine died")


@pytest.mark.parametrize("what", ["answer", "stream", "breaks", "fails", "writes", "busy", "left"])
@pytest.mark.parametrize("marks", [{}, {"HTTP_X_STAINLESS_RETRY_COUNT": "1"}])
def test_over_wsgi(what, marks):
    def make():
        app = WsgiMetricsMiddleware(wsgi_service, new_metrics(), model_of=lambda _: "chat")

        def run():
            told, error, answer = [], None, ()
            environ = {
                "REQUEST_METHOD": "POST",
                "PATH_INFO": f"/{what}",
                "SCRIPT_NAME": "",
                **marks,
            }

            def start_response(*said):
                told.append(said)
                return told.append

            try:
                answer = app(environ, start_response)
                for piece in answer:
                    told.append(piece)
                    if what == "left":
                        break
            except RuntimeError as raised:
                error = raised
            close = getattr(answer, "close", None)
            if close is not None:
                close()
            return repr(error), told

        return run

    told = each_break(breaker(), make)

    assert differing(told) == {}
    assert len(told) > 8


# ---- gRPC: the interceptors are called as gRPC calls them


class Context:
    """A call's context, in both of gRPC's servers."""

    def __init__(self):
        self.done = []
        self.status = None

    def code(self):
        return self.status

    def is_active(self):
        return True

    def time_remaining(self):
        return None

    def add_callback(self, done):
        self.done.append(done)
        return True

    def add_done_callback(self, done):
        self.done.append(lambda: done(self))

    async def write(self, message):
        self.written.append(message)

    written: list[object]

    def over(self):
        for done in self.done:
            done()


def unary(request, context):
    return answered(request, context)


async def aio_unary(request, context):
    return answered(request, context)


def answered(request, context):
    if request == "fails":
        context.status = grpc.StatusCode.INTERNAL
        raise RuntimeError("engine died")
    if request == "busy":
        context.status = grpc.StatusCode.RESOURCE_EXHAUSTED
    return request


def stream(request, context):
    yield "a"
    yield answered(request, context)


async def aio_stream(request, context):
    yield "a"
    yield answered(request, context)


async def aio_writing(request, context):
    await context.write("a")
    await context.write(answered(request, context))


DETAILS = SimpleNamespace(
    method="/llm.Chat/Ask", invocation_metadata=(("grpc-previous-rpc-attempts", "1"),)
)
UNARY, STREAM = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler


@pytest.mark.parametrize("request_", ["fine", "busy", "fails"])
@pytest.mark.parametrize("handler", [UNARY(unary), STREAM(stream), None])
def test_over_grpc(handler, request_):
    def make():
        interceptor = MetricsInterceptor(new_metrics(), model_of=lambda _: "chat")

        def run():
            served, context, told = (
                interceptor.intercept_service(lambda _: handler, DETAILS),
                Context(),
                [],
            )
            if served is None:
                return "nobody"
            try:
                if served.response_streaming:
                    told.extend(served.unary_stream(request_, context))
                else:
                    told.append(served.unary_unary(request_, context))
            except RuntimeError as raised:
                told.append(repr(raised))
            context.over()
            return told

        return run

    told = each_break(breaker(), make)

    assert differing(told) == {}
    assert len(told) > 8


@pytest.mark.parametrize("request_", ["fine", "busy", "fails"])
@pytest.mark.parametrize(
    "handler", [UNARY(aio_unary), STREAM(aio_stream), STREAM(aio_writing), UNARY(unary), None]
)
def test_over_grpc_in_asyncio(handler, request_):
    async def found(_):
        return handler

    async def once(interceptor):
        served, context, told = await interceptor.intercept_service(found, DETAILS), Context(), []
        if served is None:
            return "nobody"
        context.written = told
        try:
            if handler.unary_unary is unary:
                told.append(served.unary_unary(request_, context))
            elif not served.response_streaming:
                told.append(await served.unary_unary(request_, context))
            elif handler.unary_stream is aio_stream:
                told.extend([message async for message in served.unary_stream(request_, context)])
            else:
                await served.unary_stream(request_, context)
        except RuntimeError as raised:
            told.append(repr(raised))
        context.over()
        return told

    def make():
        interceptor = AioMetricsInterceptor(new_metrics(), model_of=lambda _: "chat")
        return lambda: asyncio.run(once(interceptor))

    told = each_break(breaker(), make)

    assert differing(told) == {}
    assert len(told) > 8
