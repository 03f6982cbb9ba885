"""The middlewares that others wrote, set up to count the same requests, each imported if there."""

from __future__ import annotations

from collections.abc import Callable

from exporters.exposition.app import App

Wrap = Callable[[App], App]


def starlette_exporter() -> Wrap:
    """starlette_exporter: no first token, no gaps."""
    from starlette_exporter import PrometheusMiddleware  # noqa: PLC0415 - a peer, may be absent

    return lambda app: PrometheusMiddleware(app, filter_unhandled_paths=False)


def fastapi_instrumentator() -> Wrap:
    """prometheus-fastapi-instrumentator as it comes: grouped statuses, no gaps."""
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - a peer, may be absent
    from prometheus_fastapi_instrumentator.middleware import (  # noqa: PLC0415 - a peer
        PrometheusInstrumentatorMiddleware,
    )

    return lambda app: PrometheusInstrumentatorMiddleware(app, registry=CollectorRegistry())


def opentelemetry_metrics() -> Wrap:
    """OpenTelemetry's ASGI instrumentation with metrics alone: its cheapest form."""
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware  # noqa: PLC0415 - a peer
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - a peer, may be absent
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415 - a peer, may be absent
    from opentelemetry.trace import NoOpTracerProvider  # noqa: PLC0415 - a peer, may be absent

    provider = MeterProvider(metric_readers=[InMemoryMetricReader()])
    return lambda app: OpenTelemetryMiddleware(
        app,
        tracer_provider=NoOpTracerProvider(),
        meter_provider=provider,
        exclude_spans=["receive", "send"],
    )


PEERS: dict[str, Callable[[], Wrap]] = {
    "starlette_exporter": starlette_exporter,
    "prometheus-fastapi-instrumentator": fastapi_instrumentator,
    "OpenTelemetry ASGI, metrics": opentelemetry_metrics,
}


def installed() -> tuple[dict[str, Wrap], dict[str, str]]:
    """Those that are here, and of the others why they are not."""
    here: dict[str, Wrap] = {}
    absent: dict[str, str] = {}
    for name, make in PEERS.items():
        try:
            here[name] = make()
        except ImportError as error:
            absent[name] = str(error)
    return here, absent
