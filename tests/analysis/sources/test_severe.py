"""Of more logs than may be read: warnings and errors first, and a stated share of the others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.analysis.sources.test_elasticsearch import T0, load

SECOND = 10**9
NUMBER = {"severity_number": {"type": "integer"}}
WORD = {"level": {"type": "keyword"}}
NOTHING: dict[str, Any] = {}
TOLD = "only 100 of 1000 logs were read"


def otel(number: int, *, grave: bool) -> dict[str, Any]:
    return {
        "@timestamp": f"{T0 // 10**6 + number * 60}.0",
        "resource": {"attributes": {"service.name": "gateway"}},
        "severity_number": 17 if grave else 9,
        "body": {"text": f"line {number}"},
    }


def plain(number: int, *, grave: bool) -> dict[str, Any]:
    return {
        "@timestamp": T0 // 10**6 + number * 60,
        "level": "warning" if grave else "info",
        "message": f"line {number}",
    }


@pytest.mark.servers
@pytest.mark.parametrize("slices", [1, 2])
@pytest.mark.parametrize(("write", "field"), [(otel, NUMBER), (plain, WORD)])
def test_warnings_and_errors_come_before_the_rest(elasticsearch, read_from, write, field, slices):
    documents = [write(n, grave=n % 50 == 49) for n in range(1_000)]
    mapping = {
        "mappings": {"dynamic": False, "properties": {"@timestamp": {"type": "date"}, **field}}
    }
    index = load(elasticsearch.url, documents, mapping)
    source = read_from(elasticsearch.url, logs_index=index, slices=slices, page_size=30)

    logs = source.logs(T0, T0 + 60 * SECOND, 100)

    assert 20 == (logs["severity"] >= 13).sum()
    others = logs.filter(logs["severity"] < 13)
    assert 40 <= others.height <= 80
    thirds = (others["ts_ns"] - T0) // (20 * SECOND)
    assert set(thirds) == {0, 1, 2}
    assert [f"{TOLD}: all 20 warnings and errors, 8.2% of the others"] == (
        [gap.gap for gap in source.gaps if gap.gap.startswith("only")]
    )


@pytest.mark.servers
def test_of_too_many_errors_a_share_is_read_and_nothing_else(elasticsearch, read_from):
    documents = [otel(n, grave=n % 4 != 0) for n in range(1_000)]
    mapping = {
        "mappings": {"dynamic": False, "properties": {"@timestamp": {"type": "date"}, **NUMBER}}
    }
    source = read_from(
        elasticsearch.url, logs_index=load(elasticsearch.url, documents, mapping), page_size=30
    )

    logs = source.logs(T0, T0 + 60 * SECOND, 100)

    assert 60 <= logs.height <= 100
    assert {17} == set(logs["severity"])
    assert [f"{TOLD}: 13.3% of the warnings and errors, no others"] == (
        [gap.gap for gap in source.gaps]
    )


@pytest.mark.servers
def test_where_no_severity_is_indexed_the_window_is_read_in_even_parts(elasticsearch, read_from):
    documents = [otel(n, grave=False) for n in range(1_000)]
    mapping = {"mappings": {"dynamic": False, "properties": {"@timestamp": {"type": "date"}}}}
    source = read_from(elasticsearch.url, logs_index=load(elasticsearch.url, documents, mapping))

    logs = source.logs(T0, T0 + 60 * SECOND, 100)

    assert 60 <= logs.height <= 100
    assert {0, 1, 2} == set((logs["ts_ns"] - T0) // (20 * SECOND))
    assert [TOLD] == [gap.gap for gap in source.gaps]
