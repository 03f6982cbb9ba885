"""Sums made in the cluster, and readings that stop where they were told to."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.sources import Gap, SourceError, bounded
from analysis.sources.connection import Connection
from analysis.sources.section import ElasticsearchSection
from exporters.errors import UsageError
from tests.analysis.sources.test_elasticsearch import MAPPING, T0, load, span
from tests.es_shapes import lines, unpack

MINUTE = 60 * 10**9
KEYWORD = {"type": "keyword"}
SUMMABLE = {
    "mappings": {
        "dynamic": False,
        "properties": {
            "@timestamp": {"type": "date"}, "trace_id": KEYWORD, "span_id": KEYWORD,
            "name": KEYWORD, "duration": {"type": "long"}, "severity_number": {"type": "integer"},
            "status": {"properties": {"code": KEYWORD}},
            "resource": {"properties": {"attributes": {"properties": {"service.name": KEYWORD}}}},
        },
    }
}  # fmt: skip


def served(number: int, ts_ns: int, *, failed: bool = False) -> dict:
    return span(number, ts_ns) | {
        "name": "decode",
        "duration": 1_000 * (number + 1),
        "status": {"code": "Error"} if failed else {},
        "resource": {"attributes": {"service.name": "replica"}},
    }


@pytest.mark.servers
def test_spans_are_summed_by_step_service_and_operation(elasticsearch, read_from):
    start = T0 // MINUTE * MINUTE
    documents = [served(n, start + n * 10**9, failed=n < 3) for n in range(90)]
    source = read_from(elasticsearch.url, traces_index=load(elasticsearch.url, documents, SUMMABLE))

    totals = source.span_totals(start, start + 2 * MINUTE, MINUTE)

    assert [(start, "replica", "decode", 60, 3), (start + MINUTE, "replica", "decode", 30, 0)] == (
        totals.sort("ts_ns").select("ts_ns", "service", "operation", "spans", "errors").rows()
    )
    assert totals.sort("ts_ns")["duration_mean_ns"].to_list() == [30_500.0, 75_500.0]
    assert [] == source.gaps


@pytest.mark.servers
def test_a_document_whose_fields_have_second_names_is_summed_once(elasticsearch, read_from):
    again = {
        "service.name": {"type": "alias", "path": "resource.attributes.service.name"},
        "span.name": {"type": "alias", "path": "name"},
    }
    mapping = {"mappings": {"properties": SUMMABLE["mappings"]["properties"] | again}}
    documents = [served(n, T0 + n) for n in range(7)]
    index = load(elasticsearch.url, documents, mapping)
    source = read_from(elasticsearch.url, traces_index=index)

    totals = source.span_totals(T0 - MINUTE, T0 + MINUTE, MINUTE)

    assert totals["spans"].sum() == 7
    assert [] == source.gaps


@pytest.mark.servers
def test_what_indices_cannot_be_summed_by_is_a_gap(elasticsearch, read_from):
    properties = {
        name: kind
        for name, kind in SUMMABLE["mappings"]["properties"].items()
        if name not in ("name", "duration")
    }
    mapping = {"mappings": {"dynamic": False, "properties": properties}}
    index = load(elasticsearch.url, [served(1, T0)], mapping)
    source = read_from(elasticsearch.url, traces_index=index)

    totals = source.span_totals(T0 - MINUTE, T0 + MINUTE, MINUTE)

    assert [("replica", None, 1, None)] == totals.select(
        "service", "operation", "spans", "duration_p50_ns"
    ).rows()
    assert [
        Gap("elasticsearch", f"{index} cannot be summed by operation, duration")
    ] == source.gaps  # fmt: skip


@pytest.mark.servers
def test_real_documents_are_summed_to_the_truth(elasticsearch, read_from, tmp_path):
    folder = unpack(tmp_path)
    documents = [
        each["_source"]
        for each in lines(folder / "otelcol_otel.ndjson")
        if each["_index"].startswith("traces-")
    ]
    truth = lines(folder / "truth_spans.ndjson")
    index = load(elasticsearch.url, documents, SUMMABLE)
    source = read_from(elasticsearch.url, traces_index=index)
    first = min(each["start_ns"] for each in truth) // MINUTE * MINUTE

    totals = source.span_totals(first, first + 60 * MINUTE, MINUTE)

    assert (178, sum(each["status"] == "error" for each in truth)) == (
        totals["spans"].sum(), totals["errors"].sum(),
    )  # fmt: skip
    assert {each["service"] for each in truth} == set(totals["service"])


@pytest.mark.servers
@pytest.mark.parametrize(
    ("allowed", "read", "why"), [({"read_rows": 100}, 120, "100 rows"),
                                 ({"read_bytes": 1_000}, 40, "1000 bytes")],
)  # fmt: skip
def test_a_reading_stops_where_its_budget_ends_and_says_so(
    elasticsearch, read_from, allowed, read, why
):
    index = load(elasticsearch.url, [span(n, T0 + n) for n in range(250)], MAPPING)
    source = read_from(elasticsearch.url, traces_index=index, page_size=40, slices=1, **allowed)

    assert read == source.spans(T0, T0 + 10**9).height
    assert [
        Gap("elasticsearch", f"reading spans stopped at {read}: {why} are allowed")
    ] == source.gaps  # fmt: skip


@pytest.mark.servers
def test_lines_of_a_megabyte_come_in_small_pages_and_one_that_fits_nowhere_is_named(
    elasticsearch, read_from, monkeypatch
):
    monkeypatch.setattr(bounded, "MAX_BYTES", 3 * 2**20)
    logs = [
        {"@timestamp": f"{T0 // 10**6}.{n}", "body": {"text": f"{n} " + "x" * 2**20}}
        for n in range(5)
    ]
    source = read_from(
        elasticsearch.url, logs_index=load(elasticsearch.url, logs, MAPPING), timeout_seconds=60
    )

    bodies = source.logs(T0, T0 + 10)["body"]

    assert [2**20 + 2] * 5 == bodies.str.len_bytes().to_list()
    monkeypatch.setattr(bounded, "MAX_BYTES", 2**20)
    with pytest.raises(SourceError, match="has a document too large to read"):
        source.logs(T0, T0 + 10)


@pytest.mark.servers
def test_documents_without_a_time_are_told(elasticsearch, read_from):
    timeless = {"trace_id": "a", "span_id": "b", "name": "lost"}
    index = load(elasticsearch.url, [span(1, T0), timeless], MAPPING)
    source = read_from(elasticsearch.url, traces_index=index)

    assert 1 == source.spans(T0, T0 + 10).height
    assert [Gap("elasticsearch", "1 documents bear no @timestamp: no window has them")] == (
        source.gaps
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"url": "http://127.0.0.1:1", "fingerprint": "ab"},
            (
                "[elasticsearch] url http://127.0.0.1:1 is not https, but certificates are "
                "configured; write https://, or leave them out"
            ),
        ),
        (
            {"url": "https://127.0.0.1:1", "ca_file": Path("/nowhere/ca.pem")},
            "[elasticsearch] ca_file /nowhere/ca.pem is no file; name a PEM file",
        ),
        (
            {"user": "me", "api_key_file": Path("key")},
            "[elasticsearch] has both a user and api_key_file; leave one of them out",
        ),
        (
            {"api_key_file": Path("/nowhere/key")},
            (
                "[elasticsearch] api_key_file /nowhere/key cannot be read: No such file or "
                "directory; name a file that holds the encoded key alone"
            ),
        ),
    ],
)
def test_credentials_that_cannot_be_used_are_refused_at_the_door(values, message):
    with pytest.raises(UsageError) as error:
        Connection(ElasticsearchSection(**values), "test")

    assert message == str(error.value)
