"""What spans add to a request at 1 % sampling: ours beside OpenTelemetry's own middleware and SDK.

    python -m benchmarks.telemetry_requests [--calls 3000] [--rounds 7] [--json FILE]

CPU microseconds of the whole process for one request of a bare ASGI application, less those of
the application alone; medians of interleaved rounds. `spans` is `server_span` with the status,
`with metrics` the request exporter around it. The peers keep 1 % by the SDK's own sampler and
send by its batch processor and its OTLP exporter to a server that says yes to everything:
`sdk + otlp` opens the same span by hand, `asgi instrumentation` is OpenTelemetry's middleware.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Tracer

from benchmarks import _rounds as rounds
from benchmarks.requests import receive, scope, send, unary
from exporters.exposition.app import App, Message, Receive, Scope, Send
from exporters.requests import MetricsMiddleware, RequestMetrics
from exporters.telemetry import TelemetrySection, server_span, set_status, setup

RATIO = 0.01


class Traced:
    """An application with a server span around it."""

    def __init__(self, app: App, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve within the span."""
        with server_span(self._tracer, scope, request_id="r-1", route="/v1/completions") as span:

            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    set_status(span, message["status"])
                await send(message)

            await self._app(scope, receive, noting)


class ByHand:
    """The same with nothing but the SDK's API."""

    def __init__(self, app: App, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve within the span."""
        attributes = {
            "http.request.method": scope["method"], "url.path": scope["path"],
            "url.scheme": scope["scheme"], "http.route": "/v1/completions",
            "server.address": scope["server"][0], "server.port": scope["server"][1],
            "client.address": scope["client"][0], "network.protocol.version": "1.1",
        }  # fmt: skip
        with self._tracer.start_as_current_span(
            "POST /v1/completions", kind=SpanKind.SERVER, attributes=attributes
        ) as span:

            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            await self._app(scope, receive, noting)


def serve(app: App, calls: int) -> None:
    """Serve so many requests, one after the other."""

    async def run() -> None:
        for _ in range(calls):
            await app(scope(), receive, send)

    asyncio.run(run())


class _Yes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's name)
        """Say nothing."""


@contextmanager
def yes() -> Iterator[str]:
    """A server that takes everything."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Yes)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def otlp_exporter(url: str) -> SpanExporter | None:
    """The SDK's OTLP exporter; None where it is not installed."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - a peer
            OTLPSpanExporter,
        )
    except ImportError:
        print("opentelemetry-exporter-otlp-proto-http is not installed; it is left out")
        return None
    return OTLPSpanExporter(f"{url}/v1/traces")


def sdk(url: str) -> TracerProvider | None:
    """The SDK with its OTLP exporter; None where that is not installed."""
    exporter = otlp_exporter(url)
    if exporter is None:
        return None
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(RATIO)), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def instrumented(app: App, provider: TracerProvider) -> App | None:
    """OpenTelemetry's ASGI middleware; None where that is not installed."""
    try:
        from opentelemetry.instrumentation.asgi import (  # noqa: PLC0415 - a peer
            OpenTelemetryMiddleware,
        )
    except ImportError:
        print("opentelemetry-instrumentation-asgi is not installed; it is left out")
        return None
    wrapped: App = OpenTelemetryMiddleware(app, tracer_provider=provider)
    return wrapped


def main() -> None:
    """Print a table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        section = TelemetrySection(
            kind="store", store_dir=Path(folder), spool_dir=Path(folder), sample_ratio=RATIO
        )
        ours = stack.enter_context(setup(section, service_name="b", instance="1", version="0"))
        traced = Traced(unary, ours.tracer)
        apps: dict[str, App] = {
            "bare": unary,
            "spans": traced,
            "spans with metrics": MetricsMiddleware(traced, RequestMetrics()),
        }
        provider = sdk(stack.enter_context(yes()))
        if provider is not None:
            stack.callback(provider.shutdown)
            apps["sdk + otlp"] = ByHand(unary, provider.get_tracer("bench"))
            if (app := instrumented(unary, provider)) is not None:
                apps["asgi instrumentation"] = app
        contenders: dict[str, Callable[[int], None]] = {
            name: partial(serve, app) for name, app in apps.items()
        }
        found = rounds.medians(contenders, calls=options.calls, rounds=options.rounds)
    added = {name: round(us - found["bare"], 2) for name, us in found.items() if name != "bare"}
    rows: list[tuple[str, ...]] = [
        (name, f"{us:.2f}", f"{us / added['spans']:.1f}x") for name, us in added.items()
    ]
    print(rounds.table(("with", "CPU us added to a request", "beside ours"), rows))
    if options.json:
        rounds.write_json(options.json, {"benchmark": "telemetry_requests", "summary": added})


if __name__ == "__main__":
    main()
