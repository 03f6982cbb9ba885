"""Each framework's own way to stream an answer, to its end and broken off in the middle."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import django
import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import StreamingHttpResponse
from django.test import override_settings
from django.urls import path as django_path
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from flask import Flask, Response
from litestar import Litestar
from litestar import Request as LitestarRequest
from litestar import post as litestar_post
from litestar.response import Stream
from quart import Quart
from quart import Response as QuartResponse

from exporters.requests import RequestMetrics, measure
from tests.exporters.requests.asgi import Client, Readings, call, scope

EVENTS = "text/event-stream"
CHUNKS = 3


async def chunks(path):
    for _ in range(CHUNKS):
        yield b"data: x\n\n"
    if "breaks" in path:
        raise AssertionError("engine died")  # of this alone Django closes the request it holds


def chunks_of_a_thread(path):
    for _ in range(CHUNKS):
        yield b"data: x\n\n"
    if "breaks" in path:
        raise AssertionError("engine died")  # of this alone Django closes the request it holds


def fastapi_app():
    app = FastAPI()

    @app.post("/{path}")
    async def answer(path: str) -> StreamingResponse:
        return StreamingResponse(chunks(path), media_type=EVENTS)

    return app


def fastapi_app_with_sync_views():
    app = FastAPI()

    @app.post("/{path}")
    def answer(path: str) -> StreamingResponse:
        return StreamingResponse(chunks_of_a_thread(path), media_type=EVENTS)

    return app


def litestar_app():
    @litestar_post(["/whole", "/breaks"], status_code=200)
    async def answer(request: LitestarRequest[Any, Any, Any]) -> Stream:
        return Stream(chunks(request.scope["path"]), media_type=EVENTS)

    return Litestar([answer], logging_config=None)  # its default takes over the root logger


def quart_app():
    app = Quart("service")

    @app.post("/<path>")
    async def answer(path: str) -> QuartResponse:
        return QuartResponse(chunks(path), mimetype=EVENTS)

    return app


def flask_app():
    app = Flask("service")

    @app.post("/<path>")
    def answer(path: str) -> Response:
        return Response(chunks_of_a_thread(path), mimetype=EVENTS)

    return app


class async_urls:  # noqa: N801 - Django takes anything with urlpatterns for a module
    urlpatterns = (
        django_path(
            "<path>", lambda _, path: StreamingHttpResponse(chunks(path), content_type=EVENTS)
        ),
    )


class sync_urls:  # noqa: N801 - as above
    urlpatterns = (
        django_path(
            "<path>",
            lambda _, path: StreamingHttpResponse(chunks_of_a_thread(path), content_type=EVENTS),
        ),
    )


@pytest.fixture(autouse=True)
def _django():
    if not settings.configured:
        settings.configure(
            ROOT_URLCONF=(), ALLOWED_HOSTS=["*"], SECRET_KEY="x", LOGGING_CONFIG=None
        )
        django.setup()


class Server(Client):
    """Says that the client is gone once the answer is whole: Litestar waits for that."""

    async def send(self, message):
        await super().send(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.left.set()


def over_asgi(app, path):
    client = Server()
    error = asyncio.run(call(app, client, request=scope(path)))
    bodies = [got.get("body", b"") for got in client.received[1:]]
    return b"".join(bodies), error


def over_wsgi(app, path):
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": "",
        "SERVER_NAME": "service", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": "2", "wsgi.input": io.BytesIO(b"{}"), "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http", "wsgi.version": (1, 0),
    }  # fmt: skip
    got, error = [], None
    answer = app(environ, lambda *_: got.append)
    try:
        got.extend(answer)
    except AssertionError as raised:
        error = raised
    finally:
        answer.close()
    return b"".join(got), error


FRAMEWORKS = {
    "FastAPI": (fastapi_app, over_asgi, None),
    "FastAPI, sync": (fastapi_app_with_sync_views, over_asgi, None),
    "Litestar": (litestar_app, over_asgi, None),
    "Quart": (quart_app, over_asgi, None),
    "Django over ASGI": (get_asgi_application, over_asgi, async_urls),
    "Flask": (flask_app, over_wsgi, None),
    "Django over WSGI": (get_wsgi_application, over_wsgi, sync_urls),
}


@pytest.fixture(params=FRAMEWORKS)
def ask(request):
    make, over, urls = FRAMEWORKS[request.param]
    metrics = RequestMetrics(models=["chat"])

    def asked(path):
        with override_settings(ROOT_URLCONF=urls):
            app = measure(make(), metrics)
            body, error = over(app, path)
        return Readings(metrics), body, error

    return asked


def test_a_stream_is_timed_by_its_chunks_and_passes_untouched(ask):
    read, body, error = ask("/whole")

    assert (body, error) == (b"data: x\n\n" * CHUNKS, None)
    assert read.endings() == {("ok", "200"): 1}
    assert read.of("llm_inter_token_latency_seconds_count", model="chat") == CHUNKS - 1
    assert read.of("llm_generated_tokens", model="chat") == CHUNKS


def test_a_stream_that_breaks_off_failed_midstream(ask):
    read, body, _ = ask("/breaks")

    assert body == b"data: x\n\n" * CHUNKS
    assert read.endings() == {("failed_midstream", "200"): 1}
