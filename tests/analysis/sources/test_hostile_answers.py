"""Servers that answer anything at all: a frame, or one error that names the server."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.frames import check_logs, check_spans
from analysis.sources import (
    ElasticsearchSection,
    ElasticsearchSource,
    Gap,
    PrometheusSource,
    SourceError,
)
from analysis.sources import bounded as bounds
from tests.relay import Relay, relay

T0 = 1_795_428_000_000_000_000
SECOND = 10**9
SPAN = {
    "@timestamp": "1795428000001.5", "trace_id": "a" * 32, "span_id": "b" * 16, "name": "decode",
    "duration": 5, "attributes": {"request.id": "r1"}, "status": {"code": "Error"},
    "resource": {"attributes": {"service.name": "gateway"}},
}  # fmt: skip
LOG = {
    **{name: SPAN[name] for name in ("@timestamp", "trace_id", "span_id", "resource")},
    "severity_number": 9, "body": {"text": "hello"},
}  # fmt: skip
BUCKET = {
    "key": {"ts_ns": 1_795_428_000_000, "service": "gateway", "operation": "decode"},
    "doc_count": 2, "errors": {"doc_count": 1}, "mean": {"value": 1.5},
    "lasting": {"values": {"50.0": 1.0, "99.0": None}},
}  # fmt: skip
KEYWORD = {"keyword": {"type": "keyword", "aggregatable": True}}
ELASTICSEARCH = {
    "id": "pit", "indices": ["i"], "timed_out": False, "_shards": {"failed": 0},
    "nodes": {"n": {"version": "8.19.16"}},
    "fields": {
        "@timestamp": {"date": {"type": "date", "aggregatable": True}},
        "resource.attributes.service.name": KEYWORD, "name": KEYWORD, "severity_number": KEYWORD,
    },
    "aggregations": {
        "inside": {"doc_count": 2}, "timeless": {"doc_count": 0},
        "each": {"buckets": [BUCKET], "after_key": {"ts_ns": 1}},
    },
    "hits": {"hits": [
        {"_index": "i", "_id": "1", "_source": SPAN, "sort": [1]},
        {"_index": "i", "_id": "2", "_source": LOG, "sort": [2]},
    ]},
}  # fmt: skip
SERIES = {"metric": {"__name__": "up", "job": "a"}, "values": [[1_795_428_000, "1"]]}
PROMETHEUS = {
    "status": "success",
    "data": {"resultType": "matrix", "result": [SERIES, SERIES | {"histograms": []}]},
}
LEAVES = st.sampled_from([
    None, True, -1, 2**63, 10**400, 1e308, "", "NaN", "x" * 300, "\ud800", [], {}, [[]],
    {"a": None}, [None], {"": {}},
])  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn, answer: dict[str, Any]) -> bytes:
    """An answer with a part replaced, cut off, or bytes amid it that are no text."""
    told = copy.deepcopy(answer)
    for _ in range(draw(st.integers(0, 3))):
        here: Any = told
        for _ in range(draw(st.integers(0, 6))):
            keys = list(here) if isinstance(here, dict) else list(range(len(here)))
            inner = [key for key in keys if isinstance(here[key], dict | list) and here[key]]
            if not inner:
                break
            here = here[draw(st.sampled_from(inner))]
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if keys:
            here[draw(st.sampled_from(keys))] = copy.deepcopy(draw(LEAVES))
    content = json.dumps(told).encode()
    place = draw(st.integers(0, len(content)))
    how = draw(st.sampled_from(["whole", "whole", "cut", "bytes"]))
    if how == "cut":
        return content[:place]
    if how == "bytes":
        return content[:place] + draw(st.binary(max_size=4)) + content[place:]
    return content


@pytest.fixture(scope="module")
def weather() -> Iterator[Relay]:
    with relay(mode="fixed") as it:
        yield it


def refused(call: Callable[[], Any]) -> Any:
    """What it gives, or None where it is refused in one line."""
    try:
        return call()
    except SourceError as error:
        told = str(error)
    assert "\n" not in told
    assert "; " in told, "it says what to do"
    return None


@settings(max_examples=50, deadline=None)
@given(body=spoilt(ELASTICSEARCH))
def test_no_answer_of_an_elasticsearch_is_a_crash(weather, body):
    weather.body = body
    section = ElasticsearchSection(url=weather.url, read_rows=20, read_seconds=2, timeout_seconds=5)
    end = T0 + 10 * SECOND

    with closing(ElasticsearchSource(section)) as source:
        spans = refused(lambda: source.spans(T0, end, 10))
        logs = refused(lambda: source.logs(T0, end, 10))
        for call in (source.span_totals, source.log_totals):
            refused(lambda call=call: call(T0, end, SECOND))
        refused(source.version)

    assert spans is None or check_spans(spans).height <= 10
    assert logs is None or check_logs(logs).height <= 10
    assert all(isinstance(gap, Gap) for gap in source.gaps)


@settings(max_examples=50, deadline=None)
@given(body=spoilt(PROMETHEUS))
def test_no_answer_of_a_prometheus_is_a_crash(weather, body):
    weather.body = body
    with closing(PrometheusSource(weather.url, timeout=5)) as source:
        frame = refused(lambda: source.range("up", T0, T0 + SECOND, SECOND))
        for call in (
            lambda: source.instant("up", T0), lambda: source.buckets("up", T0, T0 + SECOND, SECOND),
            lambda: source.exemplars("up", T0, T0 + SECOND), source.label_names,
            lambda: source.label_values("job"), source.metadata, source.alerts,
            source.scrape_intervals,
        ):  # fmt: skip
            refused(call)

    assert frame is None or {"ts_ns", "value"} <= set(frame.columns)


def test_an_answer_that_drips_is_given_up_in_time(read_from):
    with relay(mode="drip") as slow:
        source = read_from(slow.url, timeout_seconds=0.5)
        with pytest.raises(SourceError, match="did not answer within 0.5 s"):
            source.spans(T0, T0 + 1)


def test_an_answer_without_end_is_cut_off(weather, read_from, monkeypatch):
    monkeypatch.setattr(bounds, "MAX_BYTES", 1_000)
    weather.body = b'{"id":"' + b"x" * 5_000_000 + b'"}'

    with pytest.raises(SourceError, match=r"not Elasticsearch's \(more than 1000 bytes\)"):
        read_from(weather.url).version()


def test_a_server_that_repeats_a_page_is_left(weather, read_from):
    hits = ELASTICSEARCH["hits"]["hits"][:1] * 500
    weather.body = orjson.dumps(ELASTICSEARCH | {"hits": {"hits": hits}})

    with pytest.raises(SourceError, match="answers the same page again and again"):
        read_from(weather.url, page_size=500).spans(T0, T0 + 10 * SECOND)


def test_bytes_that_are_no_text_are_marked_and_the_rest_is_read(weather, read_from):
    answer = orjson.dumps(ELASTICSEARCH).replace(b'"r1"', b'"r\xff1"').replace(b"hello", b"h\xfe")
    weather.body = answer
    source = read_from(weather.url, slices=1)

    assert ["r\ufffd1"] == source.spans(T0, T0 + 10 * SECOND)["request_id"].to_list()
    assert ["h\ufffd"] == source.logs(T0, T0 + 10 * SECOND)["body"].to_list()
