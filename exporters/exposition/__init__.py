"""Values in, Prometheus text out: storage, rendering and serving kept apart."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from exporters.exposition.page import CONTENT_TYPE, Exposition, Source
from exporters.exposition.registry import Registry

if TYPE_CHECKING:
    from exporters.exposition.app import metrics_app
    from exporters.exposition.asgi import serve_app
    from exporters.exposition.server import serve

__all__ = ["CONTENT_TYPE", "Exposition", "Registry", "Source", "metrics_app", "serve", "serve_app"]

_HOMES = {"metrics_app": "app", "serve_app": "asgi", "serve": "server"}
"""Loaded when asked for: an exporter of its own carries no event loop, a service no server."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
