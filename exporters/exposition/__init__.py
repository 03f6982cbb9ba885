"""Values in, Prometheus text out: storage, rendering and serving kept apart."""

from __future__ import annotations

from exporters.exposition.app import CONTENT_TYPE, Exposition, Source, metrics_app
from exporters.exposition.registry import Registry
from exporters.exposition.server import serve, serve_app

__all__ = ["CONTENT_TYPE", "Exposition", "Registry", "Source", "metrics_app", "serve", "serve_app"]
