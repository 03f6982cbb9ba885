"""What a service sends is what the analysis reads, whichever way it went."""

from __future__ import annotations

import json
import logging
import time

import httpx
import polars as pl
import pytest
from opentelemetry.trace import SpanKind, Status, StatusCode

from analysis.sources import StoreSource
from exporters.telemetry import REQUEST_ID, TelemetrySection, setup

PLACES = ("source_index", "source_id")


def tell(section: TelemetrySection) -> None:
    """One request through gateway and replica, with a log in each span."""
    pod = {"k8s.pod.name": "replica-1"}
    with (
        setup(section, service_name="gateway", instance="g", version="1") as gateway,
        setup(section, service_name="replica", instance="r", version="2", resource=pod) as replica,
    ):
        token = REQUEST_ID.set("req-1")
        with (
            gateway.tracer.start_as_current_span("POST /v1/completions", kind=SpanKind.SERVER),
            replica.tracer.start_as_current_span("decode") as span,
        ):
            span.set_attribute("gen_ai.request.model", "tiny")
            span.set_attribute("http.response.status_code", 500)
            span.set_status(Status(StatusCode.ERROR, "out of memory"))
            logging.getLogger("engine").error("no room for %d tokens", 7)
        REQUEST_ID.reset(token)
        assert gateway.flush()
        assert replica.flush()


def facts(frame: pl.DataFrame) -> list[dict]:
    return frame.drop(PLACES).to_dicts()


@pytest.mark.servers
def test_both_sources_read_what_was_sent(elasticsearch, telemetry_section, read_from):
    start = time.time_ns()
    section = telemetry_section(url=elasticsearch.url)
    tell(section)
    end = time.time_ns()
    httpx.post(f"{elasticsearch.url}/{section.traces_index},{section.logs_index}/_refresh")
    source = read_from(
        elasticsearch.url, traces_index=section.traces_index, logs_index=section.logs_index
    )

    spans, logs = source.spans(start, end), source.logs(start, end)

    server, decode = facts(spans)
    assert ("gateway", "POST /v1/completions", "server", "unset", None) == (
        server["service"], server["operation"], server["kind"], server["status"], server["pod"],
    )  # fmt: skip
    assert ("replica", "decode", "internal", "error", "out of memory", "replica-1") == (
        decode["service"], decode["operation"], decode["kind"], decode["status"],
        decode["status_message"], decode["pod"],
    )  # fmt: skip
    assert (500, "tiny", "req-1", server["span_id"], server["trace_id"]) == (
        decode["http_status"], decode["model"], decode["request_id"], decode["parent_id"],
        decode["trace_id"],
    )  # fmt: skip
    assert start <= server["ts_ns"] <= decode["ts_ns"]
    assert decode["ts_ns"] + decode["duration_ns"] <= server["ts_ns"] + server["duration_ns"] <= end
    # Two processes in one: each took the record, as each has the root logger's.
    assert {("engine", "no room for 7 tokens", 17, decode["span_id"], "req-1")} == {
        (log["logger"], log["body"], log["severity"], log["span_id"], log["request_id"])
        for log in logs.to_dicts()
        if log["logger"] == "engine"
    }
    assert [] == source.gaps


def test_the_same_spans_come_out_of_the_store(telemetry_section):
    start = time.time_ns()
    section = telemetry_section(kind="store")
    tell(section)
    source = StoreSource(section.store_dir)

    spans = source.spans(start, time.time_ns())

    assert ["POST /v1/completions", "decode"] == spans["operation"].to_list()
    assert spans["span_id"][0] == spans["parent_id"][1]
    assert {"req-1"} == set(spans["request_id"])
    assert "no room for 7 tokens" in source.logs(start, time.time_ns())["body"].to_list()
    assert [] == source.gaps


@pytest.mark.servers
def test_store_and_elasticsearch_agree_on_every_column(
    elasticsearch, telemetry_section, read_from, tmp_path
):
    start = time.time_ns()
    section = telemetry_section(url=elasticsearch.url)
    tell(section)
    end = time.time_ns()
    index = f"{section.traces_index},{section.logs_index}"
    httpx.post(f"{elasticsearch.url}/{index}/_refresh")
    folder = tmp_path / "copied"
    folder.mkdir()
    for stem, name in (("traces", section.traces_index), ("logs", section.logs_index)):
        answer = httpx.get(f"{elasticsearch.url}/{name}/_search?size=1000&sort=@timestamp")
        lines = [line(hit["_source"]) for hit in answer.json()["hits"]["hits"]]
        (folder / f"{stem}-1.ndjson").write_text("".join(lines))
    far = read_from(
        elasticsearch.url, traces_index=section.traces_index, logs_index=section.logs_index
    )
    near = StoreSource(folder)

    assert facts(far.spans(start, end)) == facts(near.spans(start, end))
    assert sorted(map(str, facts(far.logs(start, end)))) == sorted(
        map(str, facts(near.logs(start, end)))
    )


def line(document: dict) -> str:
    return json.dumps(document) + "\n"
