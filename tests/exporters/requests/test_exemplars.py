"""From a slow bucket to the trace of one request in it, through a real Prometheus."""

from __future__ import annotations

import json
import socket
import threading
import time

import httpx
import pytest
import uvicorn
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from exporters.catalog.stack import VERDICTS
from exporters.exposition import Registry, metrics_app
from exporters.host import HostSource
from exporters.requests import RequestMetrics, measure
from exporters.requests.traces import sampled_trace

tracer = TracerProvider().get_tracer("service")
unsampled = TracerProvider(sampler=ALWAYS_OFF).get_tracer("service")
traces = []


class Traced:
    """An app inside of a span, as a tracing middleware would have it."""

    def __init__(self, app, tracer):
        self.app, self.tracer = app, tracer

    async def __call__(self, scope, receive, send):
        with self.tracer.start_as_current_span("request") as span:
            traces.append(format(span.get_span_context().trace_id, "032x"))
            await self.app(scope, receive, send)


async def stream(request):
    async def chunks():
        for _ in range(3):
            yield b"data: x\n\n"

    return StreamingResponse(chunks())


@pytest.fixture
def service():
    metrics = RequestMetrics(models=["chat"], trace_id=sampled_trace)
    others = Registry()
    others.counter(VERDICTS).inc(1, 'the "odd" one')
    app = Starlette(
        routes=[
            Route("/metrics", metrics_app(metrics, HostSource(), others)),
            *(
                Route(
                    f"/{handler.__name__}/{kind}",
                    Traced(Endpoint(handler), using),
                    methods=["POST"],
                )
                for handler in (stream,)
                for kind, using in (("traced", tracer), ("unsampled", unsampled))
            ),
        ]
    )
    server = uvicorn.Server(
        uvicorn.Config(measure(app, metrics), log_config=None, lifespan="off", ws="none")
    )
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


class Endpoint:
    def __init__(self, handler):
        self.app = Route("/", handler, methods=["POST"]).app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


@pytest.mark.servers
def test_prometheus_finds_the_trace_of_a_bucket(service, start_prometheus, tmp_path):
    traces.clear()
    httpx.post(f"http://{service}/stream/unsampled", trust_env=False)
    httpx.post(f"http://{service}/stream/traced", trust_env=False)
    config = tmp_path / "prometheus.yml"
    job = {"job_name": "service", "static_configs": [{"targets": [service]}]}
    config.write_text(json.dumps({"global": {"scrape_interval": "500ms"}, "scrape_configs": [job]}))
    prometheus = start_prometheus(config)

    found = []
    until = time.monotonic() + 30
    while not found and time.monotonic() < until:
        time.sleep(0.2)
        found = exemplars(prometheus, '{__name__=~"llm_.*_seconds_bucket"}')

    assert {(name, trace) for name, trace, _ in found} == {
        (name, traces[1])
        for name in (
            "llm_request_duration_seconds_bucket",
            "llm_request_duration_by_outcome_seconds_bucket",
            "llm_route_duration_seconds_bucket",
            "llm_time_to_first_token_seconds_bucket",
        )
    }
    assert all(0 < value < 5 for _, _, value in found)


def exemplars(prometheus, query):
    answer = httpx.get(
        f"{prometheus.url}/api/v1/query_exemplars",
        params={"query": query, "start": time.time() - 300, "end": time.time() + 60},
        trust_env=False,
    ).json()
    return [
        (one["seriesLabels"]["__name__"], told["labels"]["trace_id"], float(told["value"]))
        for one in answer["data"]
        for told in one["exemplars"]
    ]


def test_the_page_is_openmetrics_only_for_whom_asks(service):
    plain = httpx.get(f"http://{service}/metrics", trust_env=False)
    asked = httpx.get(
        f"http://{service}/metrics",
        headers={"accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"},
        trust_env=False,
    )

    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "# EOF" not in plain.text
    assert asked.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert asked.text.endswith("\n# EOF\n")
    assert "# TYPE llm_requests counter\n" in asked.text
