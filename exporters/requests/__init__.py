"""What every request went through, measured by one line: `app = measure(app, metrics)`."""

from __future__ import annotations

from exporters.requests.annotations import Annotations, annotations_of, annotations_of_call
from exporters.requests.frameworks import measure
from exporters.requests.metrics import RequestMetrics
from exporters.requests.middleware import MetricsMiddleware
from exporters.requests.wsgi import WsgiMetricsMiddleware

__all__ = [
    "Annotations",
    "MetricsMiddleware",
    "RequestMetrics",
    "WsgiMetricsMiddleware",
    "annotations_of",
    "annotations_of_call",
    "measure",
]
