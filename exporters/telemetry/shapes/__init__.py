"""The shapes of documents: OpenTelemetry's mapping modes `otel`, `ecs` and `raw`, and OTLP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

from opentelemetry.sdk.trace import ReadableSpan

from exporters.telemetry.document import Line, LogEntry, Origin
from exporters.telemetry.shapes.ecs import EcsShape
from exporters.telemetry.shapes.otel import OtelShape
from exporters.telemetry.shapes.otlp import OtlpShape
from exporters.telemetry.shapes.raw import RawShape


class Shape(Protocol):
    """Turns what happened into documents; `weight` is how many spans this one stands for."""

    def span(self, span: ReadableSpan, weight: float = 1.0) -> Iterable[Line]:
        """Yield the span's document and, where the shape keeps them apart, those of its events."""
        ...

    def log(self, entry: LogEntry) -> Line:
        """Write one log record."""
        ...


def shape(name: Literal["otel", "ecs", "raw", "otlp"], origin: Origin) -> Shape:
    """Make the writer of a shape."""
    shapes: dict[str, type[OtelShape | EcsShape | RawShape | OtlpShape]] = {
        "otel": OtelShape, "ecs": EcsShape, "raw": RawShape, "otlp": OtlpShape,
    }  # fmt: skip
    return shapes[name](origin)


__all__ = ["EcsShape", "OtelShape", "OtlpShape", "RawShape", "Shape", "shape"]
