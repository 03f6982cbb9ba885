"""Bounds, blocked indices, spools left behind, a collector's answers, old indices."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from demo.servers import Elasticsearch
from exporters.telemetry.collector import OtlpSink
from exporters.telemetry.document import Line, Origin
from exporters.telemetry.gates import Gates
from exporters.telemetry.http import HttpSink
from exporters.telemetry.retention import Retention
from exporters.telemetry.section import TelemetrySection
from exporters.telemetry.shapes.otlp import OtlpShape
from exporters.telemetry.sink import Outcome, Trouble
from exporters.telemetry.spool import Spool
from tests.exporters.telemetry.test_document import span
from tests.telemetry_reading import documents, eventually, metric


def line(index: str, number: int) -> Line:
    return Line("span" if index.startswith("traces") else "log", index, str(number), b"{}")


def everything(_: str) -> bool:
    return True


# --- one blocked index and the others


def test_a_segment_holds_one_index_and_one_that_is_blocked_is_passed_over(tmp_path: Path):
    spool = Spool(tmp_path / "s", 10_000)
    spool.append([line("traces-a", 0), line("logs-a", 1), line("traces-a", 2)])

    assert {"traces-a", "logs-a"} == spool.indices
    path, found = spool.oldest(lambda index: index != "traces-a") or (None, [])
    assert path is not None
    assert ["1"] == [line.id for line in found]
    spool.settle(path, [])
    assert spool.oldest(lambda index: index != "traces-a") is None
    spool.close()


def test_a_gate_closes_for_longer_each_time_and_opens_with_a_success():
    gates = Gates(first=10.0, cap=1_000.0)
    blocked = Outcome(blocked={"logs-a": Trouble("away", "403")})
    gates.note(blocked)
    first = gates.opens(["logs-a"])
    gates.note(blocked)

    assert (False, True) == (gates.is_open("logs-a"), gates.is_open("traces-a"))
    assert gates.opens(["logs-a"]) > first
    assert gates.opens(["logs-a", "traces-a"]) == 0
    assert gates.is_hopeless(["logs-a"])
    assert not gates.is_hopeless(["logs-a", "traces-a"])

    gates.note(Outcome(written=[line("logs-a", 1)]))
    assert gates.is_open("logs-a")


def test_the_pause_that_a_server_asks_for_is_kept():
    gates = Gates(first=0.01, cap=0.01)
    gates.note(Outcome(trouble=Trouble("busy", "429", pause_seconds=50.0)))

    assert gates.opens(["any"]) > time.monotonic() + 45
    assert not gates.is_hopeless(["any"])


@pytest.mark.servers
def test_a_blocked_index_delays_no_other_and_is_delivered_when_it_is_free(
    elasticsearch: Elasticsearch, section, start
):
    config = section(url=elasticsearch.url, timeout_seconds=30)
    telemetry = start(config)
    log = logging.getLogger("app")
    with telemetry.tracer.start_as_current_span("span-0"):
        log.warning("before")
    assert telemetry.flush(30)
    block(elasticsearch.url, config.logs_index, is_blocked=True)
    log.warning("blocked")
    eventually(lambda: metric(telemetry, "busysignal_telemetry_spooled_bytes") > 0)
    for number in range(1, 4):
        with telemetry.tracer.start_as_current_span(f"span-{number}"):
            pass
        eventually(
            lambda: metric(telemetry, "busysignal_telemetry_written_total", kind="span") > number  # noqa: B023
        )

    block(elasticsearch.url, config.logs_index, is_blocked=False)

    assert telemetry.flush(30)
    told = [d["body"]["text"] for d in documents(elasticsearch.url, config.logs_index)]
    assert {"before", "blocked"} == set(told) - {t for t in told if "telemetry" in t or "HTTP" in t}


def block(url: str, index: str, *, is_blocked: bool) -> None:
    httpx.put(
        f"{url}/{index}/_settings", json={"index.blocks.write": is_blocked}, trust_env=False
    ).raise_for_status()


# --- spools that were left behind


def test_what_a_process_of_another_name_left_is_taken_over(tmp_path: Path):
    gone = Spool(tmp_path / "pod-1", 10_000)
    gone.append([line("traces-a", 1), line("logs-a", 2)])
    gone.set_aside(line("traces-a", 9), "odd")
    gone.close()
    alive = Spool(tmp_path / "pod-2", 10_000)
    alive.append([line("traces-a", 3)])
    (tmp_path / "notes").mkdir()
    mine = Spool(tmp_path / "pod-3", 10_000)

    assert mine.adopt()
    assert not mine.adopt()

    assert ["1", "2"] == sorted(found.id for found in drain(mine))
    assert {"pod-2", "pod-3", "notes"} == {path.name for path in tmp_path.iterdir()}
    assert (mine.folder / "poison-pod-1.ndjson").exists()
    for spool in (alive, mine):
        spool.close()


def drain(spool: Spool) -> Iterator[Line]:
    while (segment := spool.oldest(everything)) is not None:
        path, lines = segment
        yield from lines
        spool.settle(path, [])


def test_no_more_is_taken_over_than_there_is_room_for(tmp_path: Path):
    gone = Spool(tmp_path / "pod-1", 100_000, segment_bytes=1)
    for number in range(40):
        gone.append([line("traces-a", number)])
    gone.close()
    mine = Spool(tmp_path / "pod-2", 1_000)

    assert mine.adopt()
    assert 900 < mine.size <= 1_000
    first = [found.id for found in drain(mine)]
    while mine.adopt():
        first += [found.id for found in drain(mine)]

    assert sorted(map(str, range(40))) == sorted(first)
    mine.close()


def test_a_folder_that_was_taken_over_can_be_made_again(tmp_path: Path):
    gone = Spool(tmp_path / "pod-1", 10_000)
    gone.append([line("traces-a", 1)])
    gone.close()
    mine = Spool(tmp_path / "pod-2", 10_000)
    assert mine.adopt()

    back = Spool(tmp_path / "pod-1", 10_000)

    assert tmp_path / "pod-1" == back.folder
    back.close()
    mine.close()


def test_processes_that_start_while_others_take_over_keep_their_folders(tmp_path: Path):
    mine = Spool(tmp_path / "mine", 10_000_000)
    done = threading.Event()

    def take_over() -> None:
        while not done.is_set():
            mine.adopt()

    thread = threading.Thread(target=take_over)
    thread.start()
    try:
        for number in range(300):
            spool = Spool(tmp_path / "pod", 10_000_000)
            assert spool.append([line("traces-a", number)]) == []
            assert (spool.folder / "lock").exists()
            spool.close()
    finally:
        done.set()
        thread.join()
    while mine.adopt():
        pass

    assert sorted(map(str, range(300))) == sorted(found.id for found in drain(mine))
    mine.close()


@pytest.mark.servers
def test_spans_of_a_process_that_was_killed_while_the_server_was_away_arrive(
    elasticsearch: Elasticsearch, section, start, tmp_path: Path
):
    config = section(url="http://127.0.0.1:9", timeout_seconds=30)
    told = config.model_dump_json()
    program = (
        "import os, sys, time\n"
        "from exporters.telemetry import TelemetrySection, setup\n"
        "t = setup(TelemetrySection.model_validate_json(sys.argv[1]), service_name='r',"
        " instance='gone', version='1')\n"
        "for n in range(20):\n"
        "    with t.tracer.start_as_current_span(f'span-{n}'): pass\n"
        "while b'spooled_bytes 0' in t.collect_text().encode(): time.sleep(0.01)\n"
        "time.sleep(0.2); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, told], check=False, capture_output=True)
    assert -9 == done.returncode, done.stderr

    start(section(url=elasticsearch.url, timeout_seconds=30), instance="another")

    def found() -> list[dict[str, Any]]:
        return documents(elasticsearch.url, config.traces_index)

    eventually(lambda: len(found()) == 20, 30)
    assert {f"span-{n}" for n in range(20)} == {document["name"] for document in found()}


# --- a collector


def otlp_lines(count: int) -> list[Line]:
    shape = OtlpShape(Origin({"service.name": "replica"}))
    return [next(iter(shape.span(span(name=f"span-{n}")))) for n in range(count)]


def answered(section, answer: Callable[[httpx.Request], httpx.Response]) -> Outcome:
    sink = OtlpSink(section(kind="otlp"))
    return with_transport(sink, answer, otlp_lines(3))


def with_transport(
    sink: HttpSink, answer: Callable[[httpx.Request], httpx.Response], lines: Sequence[Line]
) -> Outcome:
    sink.client.close()
    sink.client = httpx.Client(base_url="http://c/", transport=httpx.MockTransport(answer))
    outcome = sink.write(lines)
    sink.close()
    return outcome


def test_spans_of_one_resource_and_scope_share_a_group(section):
    seen: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.path, json.loads(request.content)))
        return httpx.Response(200, json={})

    outcome = answered(section, answer)

    ((path, body),) = seen
    (group,) = body["resourceSpans"]
    (scope,) = group["scopeSpans"]
    assert "/v1/traces" == path
    assert ["span-0", "span-1", "span-2"] == [told["name"] for told in scope["spans"]]
    assert [{"key": "service.name", "value": {"stringValue": "replica"}}] == group["resource"][
        "attributes"
    ]
    assert 3 == len(outcome.written)


def test_what_a_collector_refuses_for_good_is_counted_and_not_sent_again(section):
    told = {"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too old"}}
    outcome = answered(section, lambda _: httpx.Response(200, json=told))

    assert ([("span", 2, "too old")], 1) == (outcome.refused, len(outcome.written))
    assert (None, []) == (outcome.trouble, outcome.later)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_collector_gets_everything_later(section, status):
    outcome = answered(section, lambda _: httpx.Response(status))

    assert outcome.trouble is not None
    assert ("busy", 3, []) == (outcome.trouble.kind, len(outcome.later), outcome.written)


def test_one_bad_span_costs_itself_alone(section):
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(400 if b"span-1" in request.content else 200, json={})

    outcome = answered(section, answer)

    assert 2 == len(outcome.written)
    assert 1 == len(outcome.poison)


# --- old indices


def days_ago(days: int) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days):%Y.%m.%d}"


@pytest.mark.servers
def test_without_a_lifecycle_old_indices_are_deleted_by_their_date(
    elasticsearch: Elasticsearch, section
):
    config: TelemetrySection = section(url=elasticsearch.url, retention_days=7)
    kept = [f"{config.traces_prefix}-{days_ago(7)}", f"{config.traces_prefix}-{days_ago(0)}",
            f"{config.traces_prefix}-mine", f"other-{config.dataset}-{days_ago(90)}"]  # fmt: skip
    old = [f"{config.traces_prefix}-{days_ago(8)}", f"{config.logs_prefix}-{days_ago(400)}"]
    with httpx.Client(base_url=elasticsearch.url, trust_env=False, timeout=60) as client:
        for index in kept + old:
            client.put(index).raise_for_status()
        retention = Retention(config, client)

        assert retention.policy() is None, "a minimal server has no lifecycle"
        retention.sweep()

        found = client.get(f"*{config.dataset}*/_settings").json()
        assert set(kept) == set(found)
        client.delete(",".join(kept))


def test_where_there_is_a_lifecycle_it_gets_a_policy_and_nothing_is_deleted(section):
    seen: list[tuple[str, str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.url.path, json.loads(request.content or b"null")))
        return httpx.Response(200, json={})

    with httpx.Client(base_url="http://es/", transport=httpx.MockTransport(answer)) as client:
        retention = Retention(TelemetrySection(retention_days=7), client)
        assert "busysignal-busysignal.otel" == retention.policy()
        retention.sweep()

    body = {"policy": {"phases": {"delete": {"min_age": "8d", "actions": {"delete": {}}}}}}
    assert [("PUT", "/_ilm/policy/busysignal-busysignal.otel", body)] == seen


def test_zero_days_keep_everything():
    with httpx.Client(transport=httpx.MockTransport(lambda _: pytest.fail("asked"))) as client:
        retention = Retention(TelemetrySection(retention_days=0), client)

        assert retention.policy() is None
        retention.sweep()


# --- at the door


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"redact": ["("]}, "'(' is no regular expression: missing ), unterminated subpattern"),
        ({"redact": ["a*"]}, "'a*' matches the empty text, so it would mask everything"),
        ({"shape": "none"}, "Input should be 'otel', 'ecs' or 'raw'"),
        ({"sample_ratio": 0}, "Input should be greater than 0"),
        ({"tail_one_in": 0}, "Input should be greater than or equal to 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(values: dict[str, Any], said: str):
    with pytest.raises(ValidationError) as error:
        TelemetrySection(**values)

    assert said in str(error.value)
