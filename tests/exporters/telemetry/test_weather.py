"""Bad weather between us and a real Elasticsearch: nothing is lost, nothing comes twice."""

from __future__ import annotations

import logging
import socket
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from demo.servers import Elasticsearch, RunFolder, start_elasticsearch
from exporters.telemetry.document import Line
from exporters.telemetry.elasticsearch import ElasticsearchSink
from tests.relay import relay
from tests.telemetry_reading import documents, eventually, metric

pytestmark = pytest.mark.servers

WRITTEN = "busysignal_telemetry_written_total"
DROPPED = "busysignal_telemetry_dropped_total"
SPOOLED = "busysignal_telemetry_spooled_bytes"


def send(telemetry, first: int, last: int) -> None:
    for number in range(first, last):
        with telemetry.tracer.start_as_current_span(f"span-{number}"):
            pass


def names(first: int, last: int) -> dict[str, int]:
    return {f"span-{number}": 1 for number in range(first, last)}


def stored(url: str, index: str) -> Counter[str]:
    return Counter(document["name"] for document in documents(url, index))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("mode", ["429", "503", "garbage", "hang", "lose_answer", "half_busy"])
def test_every_span_arrives_once_when_the_weather_clears(
    mode, elasticsearch: Elasticsearch, section, start
):
    with relay(elasticsearch.url) as weather:
        config = section(url=weather.url, timeout_seconds=0.5)
        telemetry = start(config)
        send(telemetry, 0, 20)
        assert telemetry.flush()

        weather.mode = mode
        send(telemetry, 20, 40)
        eventually(lambda: metric(telemetry, SPOOLED) > 0)
        weather.mode = "pass"

        assert telemetry.flush()
        assert names(0, 40) == stored(elasticsearch.url, config.traces_index)
        assert 40 == metric(telemetry, WRITTEN, kind="span")
        assert 0 == metric(telemetry, SPOOLED)


def test_a_clean_stop_loses_nothing(elasticsearch: Elasticsearch, section, start):
    config = section(url=elasticsearch.url, flush_seconds=30)
    telemetry = start(config)
    send(telemetry, 0, 2_500)

    telemetry.shutdown()

    assert names(0, 2_500) == stored(elasticsearch.url, config.traces_index)


def test_what_a_stop_could_not_send_is_sent_at_the_next_start(
    elasticsearch: Elasticsearch, section, start, caplog
):
    away = section(url=f"http://127.0.0.1:{free_port()}")
    telemetry = start(away)
    send(telemetry, 0, 10)
    began = time.monotonic()
    telemetry.shutdown()
    assert time.monotonic() - began < 2, "a server that refuses keeps nobody waiting"
    assert "is away (ConnectError" in caplog.text

    back = start(section(url=elasticsearch.url))

    assert back.flush()
    assert names(0, 10) == stored(elasticsearch.url, away.traces_index)


def test_a_busy_server_is_asked_seldom(section, start):
    with relay(mode="429") as weather:
        telemetry = start(section(url=weather.url, backoff_seconds=0.4, backoff_cap_seconds=5))
        send(telemetry, 0, 5)
        eventually(lambda: bool(weather.requests))
        time.sleep(1.0)

        assert len(weather.requests) <= 4
        weather.mode = "garbage"  # let the stop be quick


def test_a_server_that_hangs_never_holds_up_the_service(section, start):
    with relay(mode="hang") as weather:
        telemetry = start(section(url=weather.url, timeout_seconds=0.3, queue_size=16))
        eventually(lambda: send(telemetry, 0, 1) or bool(weather.requests))
        began = time.perf_counter()
        send(telemetry, 0, 200)
        took = time.perf_counter() - began

        assert took < 0.25
        assert 184 <= metric(telemetry, DROPPED, kind="span", reason="queue_full")


def test_a_full_spool_drops_and_counts(section, start, tmp_path: Path):
    with relay(mode="garbage") as weather:
        telemetry = start(section(url=weather.url, spool_bytes=2**16))
        send(telemetry, 0, 400)
        telemetry.shutdown()

        dropped = metric(telemetry, DROPPED, kind="span", reason="spool_full")
        assert 0 < dropped < 400
        assert 2**16 >= metric(telemetry, SPOOLED) > 2**15


def test_a_refused_document_is_set_aside_and_the_others_go_on(
    elasticsearch: Elasticsearch, section, start, tmp_path: Path
):
    config = section(url=elasticsearch.url)
    sink = ElasticsearchSink(config)
    index = f"{config.traces_prefix}-2026.11.23"
    good = b'{"@timestamp":"1795428001700.063655","name":"span-0"}'
    lines = [
        Line("span", index, "a", good),
        Line("span", index, "b", b'{"@timestamp":"yesterday"}'),
        Line("span", index, "c", good.replace(b"span-0", b"span-1")),
    ]

    outcome = sink.write(lines)
    sink.close()

    ((refused, reason),) = outcome.poison
    assert "b" == refused.id
    assert reason.startswith("HTTP 400: document_parsing_exception")
    assert names(0, 2) == stored(elasticsearch.url, config.traces_index)
    assert outcome.trouble is None


def test_an_attribute_that_changes_its_type_costs_no_document(
    elasticsearch: Elasticsearch, section, start
):
    config = section(url=elasticsearch.url)
    telemetry = start(config)
    for number, value in enumerate([1, "one", 1.5, True]):
        with telemetry.tracer.start_as_current_span(f"span-{number}") as span:
            span.set_attribute("odd", value)
            span.set_attribute("error", "yes")
            span.set_attribute("error.type", "x")

    assert telemetry.flush()
    assert names(0, 4) == stored(elasticsearch.url, config.traces_index)


def test_times_are_dates_and_ids_are_keywords(elasticsearch: Elasticsearch, section, start):
    config = section(url=elasticsearch.url)
    telemetry = start(config)
    send(telemetry, 0, 1)
    assert telemetry.flush()

    answer = httpx.get(f"{elasticsearch.url}/{config.traces_index}/_mapping", trust_env=False)
    (index,) = answer.json().values()
    fields = index["mappings"]["properties"]

    assert ["date", "keyword", "long"] == [
        fields[name]["type"] for name in ("@timestamp", "trace_id", "duration")
    ]


def test_the_writers_own_records_do_not_feed_on_themselves(
    elasticsearch: Elasticsearch, section, start, caplog
):
    config = section(url=elasticsearch.url, log_level="DEBUG")
    telemetry = start(config)
    logging.getLogger("app").info("once")
    for _ in range(5):
        assert telemetry.flush()

    telemetry.shutdown()

    told = documents(elasticsearch.url, config.logs_index)
    assert {"app"} == {document["scope"]["name"] for document in told}
    assert not [r for r in caplog.records if r.name == "httpx" and "_bulk" in r.getMessage()]


@pytest.mark.slow
def test_a_server_that_was_killed_and_came_back_empty_gets_template_and_spans(
    elasticsearch_home: Path, section, start, tmp_path: Path
):
    run = RunFolder(tmp_path / "run")
    with start_elasticsearch(run, heap=("256m", "512m")) as first:
        config = section(url=first.url)
        telemetry = start(config)
        send(telemetry, 0, 10)
        assert telemetry.flush()
        port = int(first.url.rpartition(":")[2])
    send(telemetry, 10, 30)
    eventually(lambda: metric(telemetry, SPOOLED) > 0)

    with start_elasticsearch(
        RunFolder(tmp_path / "again"), port=port, heap=("256m", "512m")
    ) as second:
        assert telemetry.flush(30)
        assert names(10, 30) == stored(second.url, config.traces_index)
        mapping = httpx.get(f"{second.url}/{config.traces_index}/_mapping", trust_env=False).json()
        (index,) = mapping.values()
        properties = index["mappings"]["properties"]
        assert "date" == properties["@timestamp"]["type"]
        telemetry.shutdown()
