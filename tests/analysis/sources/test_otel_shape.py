from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.frames import LOG_SCHEMA, SPAN_SCHEMA
from analysis.sources.shapes import log_frame, span_frame
from analysis.sources.values import Hit, ShapeError, nanoseconds, weight
from tests.es_shapes import lines, unpack

SPAN: dict[str, Any] = {
    "@timestamp": "1795428001700.63655",
    "trace_id": "512217FEB75044E1",
    "span_id": "5c6c44e95a3d2",
    "name": "POST /v1/completions",
    "kind": "Server",
    "duration": 5,
}


def spans(*documents: dict[str, Any]) -> list[dict[str, Any]]:
    frame, problems = span_frame(Hit("i", str(n), doc) for n, doc in enumerate(documents))
    assert not problems
    return frame.to_dicts()


def logs(*documents: dict[str, Any]) -> list[dict[str, Any]]:
    frame, problems = log_frame(Hit("i", str(n), doc) for n, doc in enumerate(documents))
    assert not problems
    return frame.to_dicts()


@given(st.integers(min_value=0, max_value=2**62))
def test_the_exporters_unpadded_nanoseconds_are_an_integer(ns):
    assert ns == nanoseconds(f"{ns // 10**6}.{ns % 10**6}")


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_whole_milliseconds_and_iso_8601_are_read_too(ms):
    assert ms * 10**6 == nanoseconds(ms) == nanoseconds(str(ms))


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("2026-11-23T12:00:00.000000001Z", 1_795_435_200_000_000_001),
    ],
)
def test_iso_8601_keeps_its_nanoseconds(text, ns):
    assert ns == nanoseconds(text)


@given(st.one_of(st.none(), st.booleans(), st.floats(), st.text(), st.lists(st.integers())))
def test_no_timestamp_of_any_form_does_worse_than_a_shape_error(value):
    with contextlib.suppress(ShapeError):
        assert isinstance(nanoseconds(value), int)


def test_ids_are_padded_and_in_lower_case():
    (row,) = spans(SPAN)

    assert ("0000000000000000512217feb75044e1", "0005c6c44e95a3d2", None) == (
        row["trace_id"], row["span_id"], row["parent_id"],
    )  # fmt: skip
    (root,) = spans(SPAN | {"parent_span_id": "0000000000000000"})
    assert root["parent_id"] is None


def test_what_is_missing_is_null():
    (row,) = spans(SPAN)

    assert {
        "parent_id", "service", "status_message", "http_status", "request_id", "pod", "node",
        "container", "model", "weight",
    } == {name for name, value in row.items() if value is None}  # fmt: skip
    assert "unset" == row["status"]


def test_every_column_is_found_where_it_lies():
    (row,) = spans(
        SPAN
        | {
            "parent_span_id": "00000000000000aa",
            "trace_state": "ot=th:8",
            "status": {"code": "Error", "message": "full"},
            "attributes": {
                "http.response.status_code": 503,
                "http.request.header.x-request-id": ["r-1"],
                "gen_ai": {"request": {"model": "tiny"}},
                "peer.service": "features",
            },
            "resource": {
                "attributes": {
                    "service.name": "replica",
                    "service.version": "2",
                    "k8s.pod.name": "r1",
                    "host.name": "n1",
                    "container.id": "c1",
                }
            },
        }
    )

    assert {
        "ts_ns": 1_795_428_001_700_063_655, "duration_ns": 5,
        "trace_id": "0000000000000000512217feb75044e1", "span_id": "0005c6c44e95a3d2",
        "parent_id": "00000000000000aa", "service": "replica",
        "operation": "POST /v1/completions", "kind": "server", "status": "error",
        "status_message": "full", "http_status": 503, "request_id": "r-1", "pod": "r1",
        "node": "n1", "container": "c1", "model": "tiny", "weight": 2.0,
        "source_index": "i", "source_id": "0",
    } == {k: v for k, v in row.items() if k != "attributes"}  # fmt: skip
    told = json.loads(row["attributes"])
    assert ("features", "2") == (told["peer.service"], told["resource.service.version"])


def test_a_span_that_lies_in_two_places_counts_once():
    assert 1 == len(spans(SPAN, SPAN))


def test_a_document_of_another_shape_is_counted_by_its_reason():
    other = {"trace.id": "1", "@timestamp": "2026-11-23T12:00:00Z"}
    frame, problems = span_frame([Hit("i", "0", other), Hit("i", "1", SPAN | {"@timestamp": "x"})])

    assert frame.is_empty()
    assert {"no trace_id and span_id": 1, "no readable @timestamp": 1} == dict(problems)


@pytest.mark.parametrize(
    ("state", "expected"),
    [(None, None), ("", None), ("ot=th:0", 1.0), ("a=b,ot=rv:1;th:c", 4.0), ("ot=p:8", None)],
)
def test_weight_follows_the_sampling_threshold(state, expected):
    assert expected == weight(state)


def test_a_body_is_text_or_json_or_the_events_name():
    at = {"@timestamp": "1.0"}

    assert ["hi", '{"msg":"done","request_id":"r-9"}', "exception"] == [
        row["body"]
        for row in logs(
            at | {"body": {"text": "hi"}},
            at | {"body": {"structured": {"msg": "done", "request_id": "r-9"}}},
            at | {"event_name": "exception"},
        )
    ]


def test_a_level_without_a_number_still_has_a_severity():
    at = {"@timestamp": "1.0"}

    assert [13, 17, None] == [
        row["severity"]
        for row in logs(
            at | {"severity_text": "warning"},
            at | {"severity_text": "odd", "severity_number": 17},
            at | {"severity_text": "odd", "severity_number": 99},
        )
    ]


def test_the_real_exporters_spans_are_read_as_they_were_sent(tmp_path: Path):
    folder = unpack(tmp_path)
    frame, problems = span_frame(hits(folder, "traces-"))

    assert not problems
    assert frame.schema == dict(SPAN_SCHEMA)
    assert span_truth(folder) == sorted(map(span_facts, frame.iter_rows(named=True)))


def test_the_real_exporters_logs_are_read_as_they_were_sent(tmp_path: Path):
    folder = unpack(tmp_path)
    frame, problems = log_frame(hits(folder, "logs-"))

    assert not problems
    assert frame.schema == dict(LOG_SCHEMA)
    # Neither the collector's own file receiver nor spans' events are in the truth.
    sent = frame.filter((pl.col("service") != "sidecar") & pl.col("severity").is_not_null())
    assert log_truth(folder) == sorted(map(log_facts, sent.iter_rows(named=True)), key=str)


def hits(folder: Path, prefix: str) -> list[Hit]:
    return [
        Hit(line["_index"], "", line["_source"])
        for line in lines(folder / "otelcol_otel.ndjson")
        if line["_index"].startswith(prefix)
    ]


def span_facts(row: dict[str, Any]) -> tuple[Any, ...]:
    told = json.loads(row["attributes"])
    return (
        row["ts_ns"], row["duration_ns"], row["trace_id"], row["span_id"], row["parent_id"] or "",
        row["service"], row["operation"], row["kind"], row["status"], row["status_message"] or "",
        row["pod"] or "", row["http_status"] or 0, row["request_id"] or "",
        str({k: v for k, v in sorted(told.items()) if not k.startswith("resource.")}),
    )  # fmt: skip


def span_truth(folder: Path) -> list[tuple[Any, ...]]:
    return sorted(
        (
            t["start_ns"], t["duration_ns"], t["trace_id"], t["span_id"], t["parent_id"],
            t["service"], t["operation"], t["kind"], t["status"], t["status_message"],
            t["resource"].get("k8s.pod.name", ""),
            t["attributes"].get("http.response.status_code", 0),
            t["attributes"].get("request.id", ""), str(dict(sorted(t["attributes"].items()))),
        )
        for t in lines(folder / "truth_spans.ndjson")
    )  # fmt: skip


def log_facts(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        row["ts_ns"], row["severity"], row["trace_id"] or "", row["span_id"] or "",
        row["service"], row["logger"], row["body"] or "", row["exception_type"], row["stacktrace"],
    )  # fmt: skip


def log_truth(folder: Path) -> list[tuple[Any, ...]]:
    return sorted(
        (
            (
                t["time_ns"], t["severity_number"], t["trace_id"], t["span_id"], t["service"],
                t["scope"]["name"], body(t["body"]), t["attributes"].get("exception.type"),
                t["attributes"].get("exception.stacktrace"),
            )
            for t in lines(folder / "truth_logs.ndjson")
        ),
        key=str,
    )  # fmt: skip


def body(told: Any) -> str:
    return told if isinstance(told, str) else json.dumps(told, separators=(",", ":"))
