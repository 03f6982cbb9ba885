from __future__ import annotations

import json
import threading
import time
import uuid
from typing import Any

import httpx
import pytest

from analysis.frames import LOG_SCHEMA, SPAN_SCHEMA
from analysis.sources import Gap, SourceError
from exporters.errors import UsageError
from tests.es_shapes import lines, unpack
from tests.relay import relay

pytestmark = pytest.mark.servers

LOOK = "look at its load, or raise [elasticsearch] timeout_seconds"
T0 = 1_795_428_000_000_000_000
MAPPING = {
    "mappings": {
        "dynamic": False,
        "properties": {"@timestamp": {"type": "date"}, "trace_id": {"type": "keyword"}},
    }
}


def load(url: str, documents: list[dict[str, Any]], mapping: dict[str, Any] | None) -> str:
    index = f"traces-{uuid.uuid4().hex}"
    if mapping is not None:
        httpx.put(f"{url}/{index}", json=mapping).raise_for_status()
    body = "".join(f'{{"create":{{}}}}\n{json.dumps(document)}\n' for document in documents)
    answer = httpx.post(
        f"{url}/{index}/_bulk?refresh=true", content=body, timeout=60,
        headers={"content-type": "application/x-ndjson"},
    )  # fmt: skip
    assert not answer.json()["errors"], answer.text
    return index


def span(number: int, ts_ns: int) -> dict[str, Any]:
    return {
        "@timestamp": f"{ts_ns // 10**6}.{ts_ns % 10**6}",
        "trace_id": f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}{number + 1:016x}",
        "span_id": f"{number + 1:016x}",
        "name": f"span-{number}",
        "duration": 1,
    }


@pytest.mark.parametrize("slices", [1, 3])
def test_every_page_of_every_slice_is_read(elasticsearch, read_from, slices):
    index = load(elasticsearch.url, [span(n, T0 + n) for n in range(250)], MAPPING)
    source = read_from(
        elasticsearch.url, traces_index=index, page_size=40, slices=slices, timeout_seconds=9.5
    )

    frame = source.spans(T0, T0 + 10**9)

    assert [f"span-{n}" for n in range(250)] == frame["operation"].to_list()
    assert [] == source.gaps
    assert frame.schema == dict(SPAN_SCHEMA)


def test_the_window_is_cut_to_the_nanosecond(elasticsearch, read_from):
    times = [T0 - 1, T0, T0 + 999_999, T0 + 5_000_122, T0 + 5_000_123, T0 + 5_000_124]
    index = load(elasticsearch.url, [span(n, ts) for n, ts in enumerate(times)], MAPPING)
    source = read_from(elasticsearch.url, traces_index=index)

    assert times[1:4] == source.spans(T0, T0 + 5_000_123)["ts_ns"].to_list()


def test_of_too_many_spans_whole_traces_are_sampled_and_it_is_said(elasticsearch, read_from):
    documents = [
        span(n, T0 + n) | {"span_id": f"{n + 1:08x}{child + 1:08x}"}
        for n in range(400)
        for child in range(2)
    ]
    index = load(elasticsearch.url, documents, MAPPING)
    source = read_from(elasticsearch.url, traces_index=index)

    frame = source.spans(T0, T0 + 10**9, limit=400)

    assert 200 < frame.height <= 400
    assert {2} == set(frame["trace_id"].value_counts()["count"])
    assert Gap(
        "elasticsearch", "47.5% of the traces were read, chosen by their ids: 800 spans"
    ) in source.gaps  # fmt: skip


def test_no_index_is_a_gap_and_an_empty_frame(elasticsearch, read_from):
    source = read_from(elasticsearch.url, traces_index="nothing-*", logs_index="nothing")

    assert source.spans(T0, T0 + 1).is_empty()
    assert source.logs(T0, T0 + 1).schema == dict(LOG_SCHEMA)
    assert [
        Gap("elasticsearch", "no index matches nothing-*"),
        Gap("elasticsearch", "no index matches nothing"),
    ] == source.gaps


def test_times_that_were_indexed_as_text_are_a_gap(elasticsearch, read_from):
    index = load(elasticsearch.url, [span(1, T0)], None)
    source = read_from(elasticsearch.url, traces_index=index)

    assert source.spans(T0, T0 + 10).is_empty()
    assert [
        Gap(
            "elasticsearch",
            f"@timestamp is text in {index}: times there cannot be compared; "
            "install the index template and write anew",
        )
    ] == source.gaps


def test_documents_of_another_shape_are_a_gap(elasticsearch, read_from):
    other = {"@timestamp": "1795428000000", "trace": {"id": "1"}}
    index = load(elasticsearch.url, [other, span(1, T0)], MAPPING)
    source = read_from(elasticsearch.url, traces_index=index)

    assert 1 == source.spans(T0, T0 + 10).height
    assert [
        Gap("elasticsearch", "1 documents are not spans: no trace_id and span_id")
    ] == source.gaps


def test_what_the_real_exporter_wrote_is_read_through_the_server(
    elasticsearch, read_from, tmp_path
):
    folder = unpack(tmp_path)
    mapping = json.loads((folder / "otelcol_otel.traces.mapping.json").read_text())
    documents = [
        line["_source"]
        for line in lines(folder / "otelcol_otel.ndjson")
        if line["_index"].startswith("traces-")
    ]
    truth = {
        (t["span_id"], t["start_ns"], t["duration_ns"])
        for t in lines(folder / "truth_spans.ndjson")
    }
    index = load(elasticsearch.url, documents, mapping)
    source = read_from(elasticsearch.url, traces_index=index)

    frame = source.spans(0, 2**62)

    assert truth == set(frame.select("span_id", "ts_ns", "duration_ns").iter_rows())
    assert [] == source.gaps


def test_the_version_is_known_though_the_minimal_server_hides_it(elasticsearch, read_from):
    assert read_from(elasticsearch.url).version().startswith("8.")


@pytest.mark.parametrize("mode", ["429", "503"])
def test_a_busy_server_is_waited_for(mode, elasticsearch, read_from):
    index = load(elasticsearch.url, [span(1, T0)], MAPPING)
    with relay(elasticsearch.url, mode) as weather:
        source = read_from(weather.url, traces_index=index)
        threading.Timer(0.3, lambda: setattr(weather, "mode", "pass")).start()
        began = time.monotonic()

        assert 1 == source.spans(T0, T0 + 10).height
        assert time.monotonic() - began > 0.2


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("429", "is too busy (HTTP 429); ask for less, or later"),
        ("503", "is too busy (HTTP 503); ask for less, or later"),
        (
            "hang",
            f"did not answer within 0.5 s; {LOOK}",
        ),
    ],
)
def test_a_server_that_will_not_answer_is_one_clear_error(mode, message, read_from):
    with relay(mode=mode) as weather:
        source = read_from(weather.url, timeout_seconds=0.5)
        with pytest.raises(SourceError) as error:
            source.spans(T0, T0 + 1)

        assert f"Elasticsearch at {weather.url} {message}" == str(error.value)
        assert len(weather.requests) <= 4, "a busy server is asked seldom"


def test_a_server_that_is_something_else_is_named(read_from):
    with relay(mode="garbage") as weather:
        source = read_from(weather.url, timeout_seconds=0.5)
        with pytest.raises(SourceError) as error:
            source.spans(T0, T0 + 1)

        assert str(error.value).startswith(
            f"Elasticsearch at {weather.url} gave an answer that is not Elasticsearch's ("
        )
        assert str(error.value).endswith("correct [elasticsearch] url")


def test_a_server_that_is_not_there_is_named(read_from):
    with relay() as gone:
        url = gone.url
    with pytest.raises(SourceError) as error:
        read_from(url).logs(T0, T0 + 1)

    assert str(error.value).startswith(f"Elasticsearch at {url} cannot be reached (")
    assert str(error.value).endswith("; start it, or correct [elasticsearch] url")
    assert 3 == error.value.exit_code


def test_a_user_without_a_password_is_refused(read_from):
    with pytest.raises(UsageError) as error:
        read_from("http://127.0.0.1:1", user="me")

    assert ("[elasticsearch] has a user but no password; set password_file to its file") == str(
        error.value
    )
