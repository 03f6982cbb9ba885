"""What is sent is what is read, on each Elasticsearch, in each shape, and by way of a collector."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import httpx
import polars as pl
import pytest
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags

from analysis.sources import ElasticsearchSection, ElasticsearchSource
from demo.servers import Elasticsearch, RunFolder
from exporters.telemetry import REQUEST_ID, Telemetry
from exporters.telemetry.section import TelemetrySection
from exporters.telemetry.template import templates
from exporters.telemetry.wiring import QueueProcessor
from tests.collector import collector
from tests.telemetry_reading import eventually

pytestmark = pytest.mark.servers

EARLIER = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1))


def tell(telemetry: Telemetry) -> None:
    """One request: a retried attempt that fails, a phase, an exception, and a log in each."""
    token = REQUEST_ID.set("req-1")
    tracer, log = telemetry.tracer, logging.getLogger("engine")
    attributes = {"http.request.method": "POST", "http.response.status_code": 500, "gpu.index": 0}
    with tracer.start_as_current_span("POST /v1", kind=SpanKind.SERVER, attributes=attributes):
        log.info("accepted")
        with tracer.start_as_current_span("attempt", kind=SpanKind.CLIENT, links=[Link(EARLIER)]):
            log.warning("retried after %.1f s", 0.5, extra={"http.request.resend_count": 1})
        with tracer.start_as_current_span("decode") as span:
            span.set_attribute("gen_ai.request.model", "tiny")
            span.set_attribute("sizes", [1, 2, 3])
            span.set_attribute("share", 0.25)
            span.set_attribute("is_cached", value=True)
            span.add_event("first_token", {"token.index": 0})
            span.record_exception(MemoryError("no room"))
            span.set_status(StatusCode.ERROR, "no room")
        try:
            bytearray(2**62)
        except MemoryError:
            log.exception("failed")
        with tracer.start_as_current_span("close") as span:
            span.set_status(StatusCode.OK)
    REQUEST_ID.reset(token)


class Reading:
    """Frames of one place, without where each row lies there."""

    def __init__(self, url: str, traces: str, logs: str, start: int) -> None:
        httpx.post(f"{url}/{traces},{logs}/_refresh", trust_env=False)
        section = ElasticsearchSection(url=url, traces_index=traces, logs_index=logs)
        source = ElasticsearchSource(section)
        end = time.time_ns()
        self.spans, self.logs = rows(source.spans(start, end)), rows(source.logs(start, end))
        self.gaps = source.gaps
        source.close()


def rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """What belongs to a trace: the clients of this test log, too."""
    ours = frame.drop("source_index", "source_id").filter(pl.col("trace_id").is_not_null())
    found = ours.to_dicts()
    for row in found:
        row["attributes"] = json.loads(row["attributes"])
    return sorted(found, key=lambda row: (row["ts_ns"], str(row.get("body", row.get("span_id")))))


def read(config: TelemetrySection, url: str, start_ns: int) -> Reading:
    return Reading(url, config.traces_index, config.logs_index, start_ns)


@pytest.mark.parametrize("shape", ["otel", "ecs", "raw"])
def test_each_version_gives_back_what_each_shape_took(
    each_elasticsearch: Elasticsearch, section, start, shape: str
):
    began = time.time_ns()
    config = section(url=each_elasticsearch.url, shape=shape, timeout_seconds=60)
    telemetry = start(config)
    tell(telemetry)
    assert telemetry.flush(60)

    found = read(config, each_elasticsearch.url, began)

    assert not [gap for gap in found.gaps if "keeps no" not in gap.gap]
    by_name = {row["operation"]: row for row in found.spans}
    root, decode = by_name["POST /v1"], by_name["decode"]
    assert {"POST /v1", "attempt", "decode", "close"} == by_name.keys()
    assert {"req-1"} == {row["request_id"] for row in found.spans}
    assert {root["trace_id"]} == {row["trace_id"] for row in [*found.spans, *found.logs]}
    assert ("server", 500, None, "replica") == (
        root["kind"], root["http_status"], root["parent_id"], root["service"],
    )  # fmt: skip
    assert (root["span_id"], "error", "tiny") == (
        decode["parent_id"], decode["status"], decode["model"],
    )  # fmt: skip
    assert "ok" == by_name["close"]["status"]
    told = decode["attributes"]
    assert ([1, 2, 3], 0.25, True) == (told["sizes"], told["share"], told["is_cached"])
    assert {"1.2.3"} == {row["attributes"]["resource.service.version"] for row in found.spans}
    bodies = [row["body"] for row in found.logs if row["severity"]]
    assert ["accepted", "retried after 0.5 s", "failed"] == bodies
    assert "MemoryError" in {row["exception_type"] for row in found.logs}
    if shape != "ecs":  # which has neither
        assert began <= decode["ts_ns"] <= decode["ts_ns"] + decode["duration_ns"] <= time.time_ns()
        assert "no room" == decode["status_message"]


@pytest.fixture
def generic(elasticsearch: Elasticsearch) -> Iterator[Elasticsearch]:
    """A server with templates for the indices of a collector, as Elastic's own would be."""
    for shape in ("otel", "ecs"):
        section = TelemetrySection(dataset="generic", shape=shape)
        for name, body in templates(section, None).items():
            body["index_patterns"] = [name]
            url = f"{elasticsearch.url}/_index_template/{name}"
            httpx.put(url, json=body, trust_env=False).raise_for_status()
    yield elasticsearch
    for index in ("traces-generic*", "logs-generic*", "logs-apm*"):
        httpx.delete(f"{elasticsearch.url}/{index}", trust_env=False)


@pytest.mark.parametrize("shape", ["otel", "ecs"])
def test_what_went_through_a_collector_is_read_as_what_went_straight(
    generic: Elasticsearch, section, start, run_folder: RunFolder, shape: str
):
    began = time.time_ns()
    config = section(url=generic.url, shape=shape, timeout_seconds=60)
    with collector(run_folder, generic.url, shape) as url:
        straight = start(config)
        through = start(section(url=url, kind="otlp"))
        straight.provider.add_span_processor(QueueProcessor(through._outlet.put))
        tell(straight)
        assert straight.flush(60)
        assert through.flush(60)
        want = read(config, generic.url, began)
        sent = (len(want.spans), len(want.logs))
        eventually(lambda: arrived(generic.url) == sent)
    found = Reading(generic.url, "traces-generic*", "logs-generic*,logs-apm*", began)

    assert want.spans == found.spans
    assert want.logs == found.logs
    assert (4, 5) == sent


def arrived(url: str) -> tuple[int, int]:
    """Spans, and logs of a trace, that the collector wrote so far."""
    counts = []
    for index in ("traces-generic*", "logs-generic*,logs-apm*"):
        httpx.post(f"{url}/{index}/_refresh", trust_env=False)
        names = [{"exists": {"field": name}} for name in ("trace_id", "trace.id")]
        query = {"query": {"bool": {"should": names}}}
        answer = httpx.post(f"{url}/{index}/_count", json=query, trust_env=False)
        counts.append(answer.json()["count"])
    spans, logs = counts
    return spans, logs
