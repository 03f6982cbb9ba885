"""Every framework's own routing, told by its template."""

from __future__ import annotations

import asyncio
import io
import re

import django
import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.test import override_settings
from django.urls import include
from django.urls import path as django_path
from fastapi import APIRouter, FastAPI
from flask import Flask
from litestar import Litestar
from litestar import post as litestar_post
from quart import Quart
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from exporters.errors import UsageError
from exporters.requests import MetricsMiddleware, RequestMetrics, measure
from tests.exporters.requests.asgi import Client, Readings, call, scope


def routes(metrics):
    """Every route that a request was counted for, with its status."""
    return {
        tuple(re.findall(r'(?:route|status)="(.*?)"', labels))
        for (name, labels), value in Readings(metrics).values.items()
        if name == "llm_route_duration_seconds_count" and value
    }


def over_asgi(app, metrics, *paths):
    measured = measure(app, metrics)

    async def ask():
        for path in paths:
            assert await call(measured, Client(), request=scope(path)) is None

    asyncio.run(ask())
    return routes(metrics)


def over_wsgi(app, metrics, *paths):
    measured = measure(app, metrics)
    for path in paths:
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": "",
            "SERVER_NAME": "service", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_LENGTH": "2", "wsgi.input": io.BytesIO(b"{}"), "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http", "wsgi.version": (1, 0),
        }  # fmt: skip
        answer = (measured.wsgi_app if isinstance(measured, Flask) else measured)(
            environ, lambda *_: None
        )
        list(answer)
        answer.close()
    return routes(metrics)


@pytest.fixture
def metrics():
    metrics = RequestMetrics(models=["chat"])
    yield metrics
    assert Readings(metrics).of("busysignal_metrics_errors") == 0
    assert Readings(metrics).of("llm_requests_in_flight", model="chat") == 0


async def answer(request):
    return PlainTextResponse("ok")


def test_starlette_with_mounts(metrics):
    app = Starlette(
        routes=[
            Route("/items/{id:int}", answer, methods=["POST"]),
            Mount(
                "/tenants/{tenant}",
                Starlette(routes=[Route("/x/{id}", answer, methods=["POST"])]),
            ),
        ]
    )

    assert over_asgi(app, metrics, "/items/7", "/tenants/acme/x/9", "/nowhere/8") == {
        ("/items/{id}", "200"),
        ("/tenants/{tenant}/x/{id}", "200"),
        ("_other", "404"),
    }


def test_fastapi_with_included_routers_and_mounts(metrics):
    app, inner, router = FastAPI(), FastAPI(), APIRouter(prefix="/v1")

    @router.post("/items/{item}")
    async def item(item: int) -> str:
        return "ok"

    @inner.post("/deep/{item}")
    async def deep(item: int) -> str:
        return "ok"

    app.include_router(router, prefix="/api")
    app.mount("/inner", inner)

    asked = ("/api/v1/items/7", "/inner/deep/8", "/nowhere", "/api/v1/items/seven")
    assert over_asgi(app, metrics, *asked) == {
        ("/api/v1/items/{item}", "200"),
        ("/api/v1/items/{item}", "422"),
        ("/inner/deep/{item}", "200"),
        ("_other", "404"),
    }


def test_a_server_that_loads_a_class_and_gives_it_the_app_alone_as_vllm_does(metrics):
    class Measured(MetricsMiddleware):
        def __init__(self, app):
            super().__init__(app, metrics)

    app = FastAPI()
    app.add_middleware(Measured)

    @app.post("/v1/completions")
    async def completions() -> str:
        return "ok"

    assert asyncio.run(call(app, Client(), request=scope())) is None
    assert routes(metrics) == {("/v1/completions", "200")}


def test_litestar(metrics):
    @litestar_post("/items/{item:int}", status_code=200)
    async def item() -> str:
        return "ok"

    app = Litestar([item], logging_config=None)  # its default takes over the root logger
    assert over_asgi(app, metrics, "/items/7", "/nowhere") == {
        ("/items/{item}", "200"),
        ("_other", "404"),
    }


def test_quart(metrics):
    app = Quart("service")

    @app.post("/items/<int:item>")
    async def item(item: int) -> str:
        return "ok"

    assert over_asgi(app, metrics, "/items/7", "/nowhere") == {
        ("/items/<int:item>", "200"),
        ("_other", "404"),
    }


def test_flask(metrics):
    app = Flask("service")

    @app.post("/items/<int:item>")
    def item(item: int) -> str:
        return "ok"

    assert over_wsgi(app, metrics, "/items/7", "/nowhere") == {
        ("/items/<int:item>", "200"),
        ("_other", "404"),
    }


class urlconf:  # noqa: N801 - Django takes anything with urlpatterns for a module
    urlpatterns = (
        django_path(
            "api/", include([django_path("items/<int:item>", lambda *_, **__: HttpResponse("ok"))])
        ),
    )


@pytest.fixture(scope="module")
def _django():
    if not settings.configured:
        settings.configure(
            ROOT_URLCONF=(), ALLOWED_HOSTS=["*"], SECRET_KEY="x", LOGGING_CONFIG=None
        )
        django.setup()


@pytest.fixture
def django_routes(_django):
    with override_settings(ROOT_URLCONF=urlconf):
        yield


@pytest.mark.usefixtures("django_routes")
def test_django_over_wsgi(metrics):
    assert over_wsgi(get_wsgi_application(), metrics, "/api/items/7", "/nowhere") == {
        ("/api/items/<int:item>", "200"),
        ("_other", "404"),
    }


@pytest.mark.usefixtures("django_routes")
def test_django_over_asgi(metrics):
    assert over_asgi(get_asgi_application(), metrics, "/api/items/7", "/nowhere") == {
        ("/api/items/<int:item>", "200"),
        ("_other", "404"),
    }


def test_a_route_that_cannot_be_told_costs_no_request():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    def route_of(scope):
        raise KeyError("route")

    metrics = RequestMetrics(models=["chat"])

    async def ask():
        return await call(measure(app, metrics, route_of=route_of), Client())

    assert asyncio.run(ask()) is None
    assert routes(metrics) == {("_other", "200")}
    assert Readings(metrics).of("busysignal_metrics_errors") == 1


def test_what_is_no_app_is_refused():
    with pytest.raises(UsageError) as refused:
        measure("service:app", RequestMetrics())

    assert str(refused.value) == (
        "'service:app' is no app; hand over the ASGI or WSGI application itself"
    )
