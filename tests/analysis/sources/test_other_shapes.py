"""Documents of the mapping modes `ecs`, `raw` and `none`, as the real exporter wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.frames import LOG_SCHEMA, SPAN_SCHEMA
from analysis.sources.shapes import log_frame, span_frame
from analysis.sources.values import Hit
from tests.es_shapes import lines, unpack

SHAPES = ("ecs", "raw", "none")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(tmp_path_factory.mktemp("shapes"))


def hits(folder: Path, shape: str, prefix: str) -> list[Hit]:
    return [
        Hit(line["_index"], str(number), line["_source"])
        for number, line in enumerate(lines(folder / f"otelcol_{shape}.ndjson"))
        if line["_index"].startswith(prefix) and "sidecar" not in json.dumps(line)
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_span_is_read_as_it_was_sent(folder: Path, shape: str):
    frame, problems = span_frame(hits(folder, shape, "traces-"))

    assert not problems
    assert frame.schema == dict(SPAN_SCHEMA)
    assert [span_truth(told, shape) for told in truth(folder, "spans")] == sorted(
        map(span_facts, frame.to_dicts()), key=str
    )


def truth(folder: Path, kind: str) -> list[dict[str, Any]]:
    told = lines(folder / f"truth_{kind}.ndjson")
    return sorted(told, key=lambda t: str((t["trace_id"], t["span_id"], t.get("time_ns"))))


def span_facts(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        row["trace_id"], row["span_id"], row["parent_id"], row["ts_ns"], row["duration_ns"],
        row["service"], row["operation"], row["kind"], row["status"], row["status_message"],
        row["http_status"], row["request_id"], row["pod"], row["node"], row["model"],
    )  # fmt: skip


def span_truth(told: dict[str, Any], shape: str) -> tuple[Any, ...]:
    is_ecs = shape == "ecs"  # it tells neither duration nor message
    return (
        told["trace_id"], told["span_id"], told["parent_id"] or None, told["start_ns"],
        None if is_ecs else told["duration_ns"], told["service"], told["operation"], told["kind"],
        told["status"], None if is_ecs else told["status_message"] or None,
        told["attributes"].get("http.response.status_code"), told["attributes"]["request.id"],
        told["resource"]["k8s.pod.name"], told["resource"]["k8s.node.name"],
        told["attributes"].get("gen_ai.request.model"),
    )  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_attributes_are_told_under_their_names_and_fields_are_none(folder: Path, shape: str):
    frame, _ = span_frame(hits(folder, shape, "traces-"))
    by_id = {t["span_id"]: t["attributes"] for t in truth(folder, "spans")}

    for row in frame.iter_rows(named=True):
        told = json.loads(row["attributes"])
        sent = {k: v for k, v in by_id[row["span_id"]].items() if k != "error" and "body" not in k}
        assert sent == {k: told[k] for k in sent}
        assert "1.7.0" == told["resource.service.version"]
        assert not {"@timestamp", "TraceId", "trace.id", "span.name"} & told.keys()


@pytest.mark.parametrize("shape", SHAPES)
def test_every_log_is_read_as_it_was_sent(folder: Path, shape: str):
    frame, problems = log_frame(hits(folder, shape, "logs-generic"))

    assert not problems
    assert frame.schema == dict(LOG_SCHEMA)
    sent = [t for t in truth(folder, "logs") if isinstance(t["body"], str)]
    read = frame.to_dicts()
    facts = {log_facts(row, shape) for row in read}
    assert {log_truth(told, shape) for told in sent} <= facts
    assert 61 == len(read)


def log_facts(row: dict[str, Any], shape: str) -> tuple[Any, ...]:
    return (
        row["ts_ns"], row["trace_id"], row["span_id"], row["severity"], row["body"], row["service"],
        row["logger"], row["pod"], row["exception_type"], row["stacktrace"], row["request_id"],
    )  # fmt: skip


def log_truth(told: dict[str, Any], shape: str) -> tuple[Any, ...]:
    attributes = told["attributes"]
    kind = attributes.get("exception.type")
    return (
        told["time_ns"], told["trace_id"] or None, told["span_id"] or None,
        told["severity_number"], told["body"] or None, told["service"],
        None if shape == "ecs" else told["scope"]["name"], told["resource"]["k8s.pod.name"],
        kind, attributes.get("exception.stacktrace"), attributes.get("request.id"),
    )  # fmt: skip


def test_an_exception_of_a_span_is_a_log_with_type_and_stack(folder: Path):
    frame, problems = log_frame(hits(folder, "ecs", "logs-apm.error"))

    assert not problems
    assert {"TimeoutError", "__main__.EngineOOM"} == set(frame["exception_type"])
    assert frame["stacktrace"].str.contains("Traceback").all()
    assert frame["span_id"].null_count() == 0


def test_a_weight_and_a_duration_that_others_write_are_read():
    document = {
        "@timestamp": "2026-11-23T10:00:00.000000001Z", "trace": {"id": "a"},
        "span": {"id": "b", "name": "decode"}, "busysignal": {"weight": 41.0},
        "event": {"duration": 7},
    }  # fmt: skip
    frame, _ = span_frame([Hit("i", "0", document)])

    assert (41.0, 7, "decode") == frame.select("weight", "duration_ns", "operation").row(0)
