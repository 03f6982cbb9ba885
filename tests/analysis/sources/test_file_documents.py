"""Spans and logs from a folder, whoever wrote it: OTLP's JSON, a run's store, Parquet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.frames import SPAN_SCHEMA
from analysis.sources import Gap, SourceError, otlp
from analysis.sources.files import FileDocuments

T0 = 1_795_428_000_000_000_007
END = 2**62


def pair(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


def spans(*items: dict[str, Any]) -> dict[str, Any]:
    resource = {"attributes": [pair("service.name", stringValue="gateway")]}
    scope = {"scope": {"name": "app"}, "spans": list(items)}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}


def logs(*items: dict[str, Any]) -> dict[str, Any]:
    scope = {"scope": {"name": "engine"}, "logRecords": list(items)}
    return {"resourceLogs": [{"resource": {}, "scopeLogs": [scope]}]}


SPAN = {
    "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174",
    "parentSpanId": "", "name": "decode", "kind": 2, "startTimeUnixNano": str(T0),
    "endTimeUnixNano": str(T0 + 1_500), "status": {"code": 2, "message": "full"},
    "attributes": [
        pair("http.response.status_code", intValue="503"), pair("request_id", stringValue="r1"),
        pair("warm", boolValue=True), pair("share", doubleValue=0.5), pair("empty"),
        pair("tags", arrayValue={"values": [{"stringValue": "a"}, {"intValue": 2}]}),
        pair("inner", kvlistValue={"values": [pair("deep", stringValue="x")]}),
    ],
}  # fmt: skip


def test_a_span_keeps_all_that_the_protocol_says(tmp_path: Path):
    (tmp_path / "traces.json").write_text(json.dumps(spans(SPAN), indent=2))
    source = FileDocuments(tmp_path)

    row = source.spans(0, END).row(0, named=True)

    assert {
        "ts_ns": T0, "duration_ns": 1_500, "trace_id": "5b8efff798038103d269b633813fc60c",
        "span_id": "eee19b7ec3c1b174", "parent_id": None, "service": "gateway",
        "operation": "decode", "kind": "server", "status": "error", "status_message": "full",
        "http_status": 503, "request_id": "r1", "source_index": "traces.json", "source_id": "1.0",
    }.items() <= row.items()  # fmt: skip
    told = json.loads(row["attributes"])
    assert (True, 0.5, ["a", 2], "x") == (
        told["warm"], told["share"], told["tags"], told["inner.deep"],
    )  # fmt: skip
    assert [] == source.gaps


def test_names_of_enumerations_are_as_good_as_their_numbers():
    named = SPAN | {"kind": "SPAN_KIND_SERVER", "status": {"code": "STATUS_CODE_ERROR"}}

    (by_name,) = otlp.documents(spans(named), "spans")
    (by_number,) = otlp.documents(spans(SPAN), "spans")

    assert (by_number["kind"], by_number["status"]["code"]) == (
        by_name["kind"], by_name["status"]["code"],
    )  # fmt: skip


def test_logs_are_read_a_request_a_line_and_what_is_none_is_told(tmp_path: Path):
    plain = {"timeUnixNano": T0, "severityNumber": 17, "body": {"stringValue": "out of memory"}}
    seen = {"observedTimeUnixNano": str(T0 + 1),
            "body": {"kvlistValue": {"values": [pair("msg", stringValue="hi")]}}}  # fmt: skip
    lines = [json.dumps(logs(plain)), json.dumps(logs(seen)), '{"resourceLogs":[{"scopeL']
    (tmp_path / "logs.jsonl").write_text("\n".join(lines))
    source = FileDocuments(tmp_path)

    frame = source.logs(0, END)

    assert [(T0, 17, "out of memory"), (T0 + 1, None, '{"msg":"hi"}')] == (
        frame.select("ts_ns", "severity", "body").rows()
    )
    assert ["engine"] * 2 == frame["logger"].to_list()
    assert [Gap("files", "line 3 of logs.jsonl is no export request: 1 lines")] == source.gaps


ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from([
                "resourceSpans", "scopeSpans", "spans", "resource", "scope", "attributes", "key",
                "value", "stringValue", "arrayValue", "kvlistValue", "values", "intValue", "kind",
                "startTimeUnixNano", "endTimeUnixNano", "status", "code", "traceId", "spanId",
            ]),
            inner, max_size=4,
        ),
    ),
    max_leaves=12,
)  # fmt: skip


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(groups=ANYTHING, item=ANYTHING, cut=st.integers(0, 400))
def test_no_file_of_any_form_is_a_crash(tmp_path: Path, groups: Any, item: Any, cut: int):
    broken = SPAN | item if isinstance(item, dict) else SPAN
    requests = [{"resourceSpans": groups}, spans(broken)]
    content = "\n".join(map(json.dumps, requests)).encode()
    (tmp_path / "a.json").write_bytes(content[: len(content) - cut] + b"\xff")

    frame = FileDocuments(tmp_path).spans(0, END)

    assert frame.schema == dict(SPAN_SCHEMA)


def test_the_store_of_a_run_is_read_from_its_folder(tmp_path: Path):
    (tmp_path / "store").mkdir()
    document = {"@timestamp": "1795428000000.7", "trace_id": "a", "span_id": "b", "name": "x",
                "resource": {}}  # fmt: skip
    (tmp_path / "store" / "traces-app-0.ndjson").write_text(json.dumps(document) + "\n")

    assert ["x"] == FileDocuments(tmp_path).spans(0, END)["operation"].to_list()


def test_parquet_may_have_fewer_columns_and_more_are_told(tmp_path: Path):
    frame = pl.DataFrame(
        {
            "ts_ns": [T0, None],
            "trace_id": ["a", "b"],
            "span_id": ["c", "d"],
            "mood": ["good", "bad"],
        }
    )
    frame.write_parquet(tmp_path / "spans.parquet")
    source = FileDocuments(tmp_path)

    assert ["a"] == source.spans(0, END)["trace_id"].to_list()
    assert [
        Gap("files", "spans.parquet has columns nobody reads: ['mood']"),
        Gap("files", "1 rows of spans.parquet bear no time or no ids"),
    ] == source.gaps


def test_parquet_of_other_types_is_refused_by_name(tmp_path: Path):
    pl.DataFrame({"ts_ns": ["monday"]}).write_parquet(tmp_path / "logs.parquet")

    with pytest.raises(SourceError, match="has columns of another type"):
        FileDocuments(tmp_path).logs(0, END)


def test_a_parquet_file_that_was_cut_off_is_refused_by_name(tmp_path: Path):
    (tmp_path / "logs.parquet").write_bytes(b"PAR1\x00\x00")

    with pytest.raises(SourceError, match="cannot be read"):
        FileDocuments(tmp_path).logs(0, END)
