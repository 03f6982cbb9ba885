"""Values in, Prometheus text out: storage, rendering and serving kept apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters import lazy
from exporters.exposition.page import CONTENT_TYPE, Exposition, Source
from exporters.exposition.registry import Registry

if TYPE_CHECKING:
    from exporters.exposition.app import metrics_app
    from exporters.exposition.asgi import serve_app
    from exporters.exposition.server import serve
else:
    # An exporter of its own carries no event loop, a service no server.
    __getattr__ = lazy.names(
        __name__, {"metrics_app": "app", "serve_app": "asgi", "serve": "server"}
    )

__all__ = ["CONTENT_TYPE", "Exposition", "Registry", "Source", "metrics_app", "serve", "serve_app"]
