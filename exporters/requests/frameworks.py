"""The one line for each framework: `app = measure(app, metrics)`, whatever it was made with."""

from __future__ import annotations

from typing import Any, cast

from exporters.errors import UsageError
from exporters.requests.annotations import annotations_of
from exporters.requests.metrics import RequestMetrics
from exporters.requests.middleware import MetricsMiddleware
from exporters.requests.wsgi import WsgiMetricsMiddleware


def measure(app: Any, metrics: RequestMetrics, **options: Any) -> Any:
    """Measure a service: what comes back is to be served in the app's place.

    Starlette, FastAPI, Quart and Flask apps are changed and come back themselves; Litestar, Django
    (WSGI and ASGI) and plain ASGI apps come back wrapped. `options` are the middleware's own.
    Raises UsageError for what is no app; a plain WSGI app has no mark that tells it from an ASGI
    one, so wrap it in WsgiMetricsMiddleware.
    """
    names = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(app).__mro__}
    if "starlette.Starlette" in names:
        app.add_middleware(MetricsMiddleware, metrics=metrics, **options)
        return app
    if "quart.Quart" in names:
        app.asgi_app = MetricsMiddleware(app.asgi_app, metrics, **options)
        app.before_request(_quart_route)
        return app
    if "flask.Flask" in names:
        app.wsgi_app = WsgiMetricsMiddleware(app.wsgi_app, metrics, **options)
        app.before_request(_flask_route)
        return app
    if "django.WSGIHandler" in names:
        return WsgiMetricsMiddleware(app, metrics, route_of=_django_route, **options)
    if "django.ASGIHandler" in names:
        return MetricsMiddleware(app, metrics, route_of=_django_route, **options)
    if callable(app):
        return MetricsMiddleware(app, metrics, **options)
    raise UsageError(f"{app!r} is no app; hand over the ASGI or WSGI application itself")


async def _quart_route() -> None:
    from quart import request  # noqa: PLC0415 - only where Quart is

    if request.url_rule is not None:
        annotations_of(cast("Any", request.scope)).route = request.url_rule.rule


def _flask_route() -> None:
    from flask import request  # noqa: PLC0415 - only where Flask is

    if request.url_rule is not None:
        annotations_of(request.environ).route = request.url_rule.rule


def _django_route(request: Any) -> str | None:
    """Ask the URL configuration again: WSGI and ASGI never see what Django resolved."""
    from django.urls import Resolver404, resolve  # noqa: PLC0415 - only where Django is

    path = request.get("PATH_INFO") or request.get("path", "")
    try:
        return f"/{resolve(path).route}"
    except Resolver404:
        return None
