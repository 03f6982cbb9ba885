from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from exporters.errors import UsageError
from exporters.telemetry import REQUEST_ID
from exporters.telemetry.document import LogEntry
from exporters.telemetry.logs import TelemetryHandler, severity
from exporters.telemetry.queue import BoundedQueue
from tests.telemetry_reading import metric


def read(folder: Path, pattern: str) -> list[dict]:
    return [
        json.loads(line)
        for path in sorted(folder.glob(pattern))
        for line in path.read_text().splitlines()
    ]


def test_a_log_carries_trace_span_and_request(section, start):
    config = section(kind="store")
    telemetry = start(config)
    token = REQUEST_ID.set("req-7")
    with telemetry.tracer.start_as_current_span("work") as span:
        logging.getLogger("app").warning("slow by %d ms", 7, extra={"replica": "r-1"})
    REQUEST_ID.reset(token)
    telemetry.shutdown()

    (log,) = read(config.store_dir, "logs-*.ndjson")
    (told,) = read(config.store_dir, "traces-*.ndjson")
    context = span.get_span_context()
    assert "slow by 7 ms" == log["body"]["text"]
    assert (f"{context.trace_id:032x}", f"{context.span_id:016x}") == (
        log["trace_id"], log["span_id"],
    )  # fmt: skip
    assert {
        "replica": "r-1", "request_id": "req-7", "message_template.text": "slow by %d ms",
    } == log["attributes"]  # fmt: skip
    assert (13, "WARNING", "app") == (
        log["severity_number"], log["severity_text"], log["scope"]["name"],
    )  # fmt: skip
    assert {"request_id": "req-7"} == told["attributes"]
    assert {
        "service.name": "replica", "service.version": "1.2.3", "service.instance.id": "replica-1",
    } == told["resource"]["attributes"]  # fmt: skip


def test_a_log_of_an_exception_tells_type_message_and_stack(section, start):
    config = section(kind="store")
    telemetry = start(config)
    try:
        int("password=hunter2")
    except ValueError:
        logging.getLogger("app").exception("failed")
    telemetry.shutdown()

    (log,) = read(config.store_dir, "logs-*.ndjson")
    assert "ValueError" == log["attributes"]["exception.type"]
    assert "with base 10: 'password=***'" in log["attributes"]["exception.message"]
    assert "test_logs_and_store.py" in log["attributes"]["exception.stacktrace"]
    assert "hunter2" not in json.dumps(log)


def test_a_log_whose_arguments_do_not_fit_is_told_anyway():
    told: list[LogEntry] = []
    handler = TelemetryHandler(told.append, "INFO")

    handler.handle(logging.makeLogRecord({"msg": "%d and %d", "args": (1,), "levelno": 20}))

    assert ["%d and %d (arguments do not fit this format)"] == [entry.body for entry in told]


def test_levels_become_severities():
    assert [1, 5, 9, 13, 17, 21] == [severity(level) for level in (1, 10, 20, 30, 40, 50)]


def test_shutdown_leaves_logging_as_it_was(section, start):
    before = (list(logging.getLogger().handlers), logging.getLogger().level)
    telemetry = start(section(kind="store"))
    assert before != (logging.getLogger().handlers, logging.getLogger().level)

    telemetry.shutdown()
    telemetry.shutdown()

    assert before == (logging.getLogger().handlers, logging.getLogger().level)


def test_the_store_starts_a_new_file_when_one_is_full_and_forgets_the_oldest(section, start):
    config = section(kind="store", store_file_bytes=2**16, store_files=2, batch_size=50)
    telemetry = start(config)
    for number in range(1_000):
        with telemetry.tracer.start_as_current_span(f"span-{number}"):
            pass
    telemetry.shutdown()

    files = sorted(path.name for path in config.store_dir.glob("traces-*"))
    assert 2 == len(files)
    assert not files[0].endswith("000001.ndjson")
    assert "span-999" == read(config.store_dir, "traces-*")[-1]["name"]
    assert 1_000 == metric(telemetry, "busysignal_telemetry_written_total", kind="span")


def test_a_store_that_cannot_be_written_spools_until_it_can(section, start, tmp_path):
    config = section(kind="store")
    config.store_dir.write_text("in the way")
    telemetry = start(config)
    with telemetry.tracer.start_as_current_span("work"):
        pass
    assert not telemetry.flush(0.3)

    config.store_dir.unlink()

    assert telemetry.flush()
    assert ["work"] == [span["name"] for span in read(config.store_dir, "traces-*")]


def test_none_writes_nothing_and_still_traces(section, start):
    config = section(kind="none")
    telemetry = start(config)
    with telemetry.tracer.start_as_current_span("work") as span:
        assert span.get_span_context().is_valid

    assert telemetry.flush()
    assert not config.store_dir.exists()


def test_a_full_queue_drops_what_comes_last():
    dropped: list[int] = []
    queue: BoundedQueue[int] = BoundedQueue(3, 2, dropped.append)
    for number in range(5):
        queue.put(number)

    assert [3, 4] == dropped
    assert [[0, 1], [2], []] == [queue.take(0) for _ in range(3)]


def test_a_user_without_a_password_is_refused(section, start, tmp_path):
    with pytest.raises(UsageError) as error:
        start(section(user="me"))
    assert "[telemetry] has a user but no password; set password_file to its file" == str(
        error.value
    )

    missing = tmp_path / "missing"
    with pytest.raises(UsageError) as error:
        start(section(user="me", password_file=missing))
    assert (
        f"[telemetry] password_file {missing} cannot be read: No such file or directory; "
        "name a file that holds the password alone"
    ) == str(error.value)


class Mute:
    def __str__(self) -> str:
        raise RuntimeError("do not ask")

    __repr__ = __str__


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("do not ask")


def test_an_argument_that_cannot_be_written_breaks_no_callers_log(section, start):
    config = section(kind="store")
    telemetry = start(config)
    for said in (
        {"msg": "of %s", "args": (Mute(),)},
        {"msg": Mute()},
        {"msg": "failed", "exc_info": (MuteError, MuteError(), None), "thing": Mute()},
    ):  # handed over directly: pytest's own handler at the root raises by design
        telemetry._handler.handle(logging.makeLogRecord({"levelno": 20, **said}))
    telemetry.shutdown()

    told = read(config.store_dir, "logs-*.ndjson")
    assert [
        "of %s (arguments do not fit this format)",
        "<Mute that cannot be written> (arguments do not fit this format)",
        "failed",
    ] == [log["body"]["text"] for log in told]
    assert "<MuteError that cannot be written>" == told[2]["attributes"]["exception.message"]
    assert "<Mute that cannot be written>" == told[2]["attributes"]["thing"]


def test_a_record_that_cannot_be_taken_is_counted_and_breaks_no_callers_log(section, start):
    telemetry = start(section(kind="store"))
    record = logging.makeLogRecord({"msg": "odd", "levelno": 20, "created": "yesterday"})

    logging.getLogger("app").handle(record)

    assert 1 == metric(telemetry, "busysignal_telemetry_dropped_total", kind="log", reason="poison")
