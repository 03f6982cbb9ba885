"""The short way from bytes to columns tells what the general reader tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.sources import fast
from analysis.sources.page import decode
from analysis.sources.shapes import in_order, once, reader
from tests.es_shapes import lines, unpack

WORDS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=9), st.lists(st.text(max_size=4), max_size=2),
)  # fmt: skip
FIELDS = st.sampled_from([
    "request_id", "request.id", "http.response.status_code", "gen_ai.request.model", "note",
    "busysignal.weight", "exception.type", "http.request.header.x-request-id",
])  # fmt: skip
ATTRIBUTES = st.dictionaries(FIELDS, WORDS, max_size=6)
DOCUMENTS = st.fixed_dictionaries(
    {
        "@timestamp": st.one_of(st.just("1795428000001.5"), st.just("2026-11-23T10:00:00Z"), WORDS),
        "trace_id": st.one_of(st.just("0A"), WORDS),
        "span_id": st.one_of(st.just("b"), WORDS),
        "resource": st.one_of(
            st.just({"attributes": {"service.name": "gateway", "host.name": "n1"}}),
            st.builds(lambda told: {"attributes": told}, ATTRIBUTES),
        ),
    },
    optional={
        "name": WORDS,
        "kind": st.one_of(st.just("Server"), WORDS),
        "duration": WORDS,
        "status": st.one_of(st.just({"code": "Error", "message": "full"}), WORDS),
        "attributes": st.one_of(ATTRIBUTES, st.just({"a": {"b": 1}})),
        "trace_state": st.one_of(st.just("ot=th:8"), WORDS),
        "severity_number": st.one_of(st.integers(0, 30), WORDS),
        "severity_text": WORDS,
        "body": st.one_of(st.just({"text": "hello"}), st.just({"structured": {"msg": "x"}}), WORDS),
        "scope": st.one_of(st.just({"name": "engine"}), WORDS),
    },
)


def page(documents: list[dict[str, Any]]) -> bytes:
    hits = [
        {"_index": "i", "_id": str(number), "_score": None, "_source": each, "sort": [number]}
        for number, each in enumerate(documents)
    ]
    answer = {"took": 1, "_shards": {"total": 1, "failed": 0}, "hits": {"hits": hits}}
    return json.dumps(answer, separators=(",", ":")).encode()


def told(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return sorted(
        (row | {"attributes": orjson.loads(row["attributes"])} for row in frame.to_dicts()),
        key=lambda row: int(row["source_id"]),
    )


@pytest.mark.parametrize("wants_spans", [True, False])
@settings(max_examples=150, deadline=None)
@given(documents=st.lists(DOCUMENTS, max_size=4))
def test_both_ways_agree_on_whatever_comes(documents: list[dict[str, Any]], wants_spans: bool):
    asked = page(documents)
    general, problems, _ = reader().rows(
        (hit.decoded() for hit in decode(asked).hits.hits), wants_spans=wants_spans
    )
    short = reader().page(asked, wants_spans=wants_spans)

    assert told(general) == told(short.frame)
    assert problems == short.problems
    assert len(documents) == len(short.page.hits.hits)
    assert [len(documents) - 1] == (short.page.search_after if documents else [-1])


@pytest.mark.parametrize(("prefix", "share"), [("traces-", 0.9), ("logs-", 0.5)])
def test_most_of_what_the_real_exporter_wrote_goes_the_short_way(
    tmp_path: Path, prefix: str, share: float
):
    found = lines(unpack(tmp_path) / "otelcol_otel.ndjson")
    asked = page([each["_source"] for each in found if each["_index"].startswith(prefix)])
    wants_spans = prefix == "traces-"

    hits = decode(asked).hits.hits
    way = fast.SPANS if wants_spans else fast.LOGS
    _, left = way.sift(hits)
    short = reader().page(asked, wants_spans=wants_spans).frame
    general, _, _ = reader().rows((hit.decoded() for hit in hits), wants_spans=wants_spans)

    assert len(left) < (1 - share) * len(hits)
    assert told(general) == told(short)
    if wants_spans:
        assert once(short).height == once(general).height == 178
    assert in_order(short)["ts_ns"].is_sorted()
