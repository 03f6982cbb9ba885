"""What every request went through, measured by one line: `MetricsMiddleware(app, metrics)`."""

from __future__ import annotations

from exporters.requests.annotations import Annotations, annotations_of
from exporters.requests.metrics import RequestMetrics
from exporters.requests.middleware import MetricsMiddleware

__all__ = ["Annotations", "MetricsMiddleware", "RequestMetrics", "annotations_of"]
