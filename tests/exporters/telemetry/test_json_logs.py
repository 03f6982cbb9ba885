from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider

from exporters.telemetry import REQUEST_ID, JsonFormatter, JsonRenderer, add_ids

TRACER = TracerProvider(shutdown_on_exit=False).get_tracer("test")


@pytest.fixture
def request_id() -> Iterator[str]:
    token = REQUEST_ID.set("req-7")
    yield "req-7"
    REQUEST_ID.reset(token)


@pytest.fixture
def console() -> Iterator[io.StringIO]:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("app.json")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield out
    logger.removeHandler(handler)


def test_a_record_of_logging_is_one_line_of_ecs(console: io.StringIO, request_id: str):
    with TRACER.start_as_current_span("work") as span:
        logging.getLogger("app.json").warning("slow by %d ms", 7, extra={"replica": "r-1"})
    told = json.loads(console.getvalue())
    context = span.get_span_context()

    assert {
        "log.level": "warning", "message": "slow by 7 ms", "log.logger": "app.json",
        "trace.id": f"{context.trace_id:032x}", "span.id": f"{context.span_id:016x}",
        "http.request.id": request_id, "replica": "r-1",
    } == {key: value for key, value in told.items() if key != "@timestamp"}  # fmt: skip
    assert told["@timestamp"].endswith("Z")
    assert 30 == len(told["@timestamp"])


def test_without_a_trace_no_id_is_made_up(console: io.StringIO):
    logging.getLogger("app.json").info("idle")

    assert {"@timestamp", "log.level", "message", "log.logger"} == json.loads(
        console.getvalue()
    ).keys()


def test_an_exception_and_a_secret_are_told_as_they_may_be(console: io.StringIO):
    try:
        int("password=hunter2")
    except ValueError:
        logging.getLogger("app.json").exception("failed", extra={"prompt": "my diagnosis"})
    told = json.loads(console.getvalue())

    assert "ValueError" == told["error.type"]
    assert "test_json_logs.py" in told["error.stack_trace"]
    assert "hunter2" not in console.getvalue()
    assert "diagnosis" not in console.getvalue()


def test_structlog_renders_the_same_line(request_id: str):
    out = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(out),
        processors=[structlog.processors.add_log_level, JsonRenderer()],
    )
    with TRACER.start_as_current_span("work") as span:
        log.warning("slow", replica="r-1", prompt="my diagnosis")
    told = json.loads(out.getvalue())

    assert {
        "log.level": "warning", "message": "slow", "replica": "r-1",
        "trace.id": f"{span.get_span_context().trace_id:032x}",
        "span.id": f"{span.get_span_context().span_id:016x}", "http.request.id": request_id,
    } == {key: value for key, value in told.items() if key != "@timestamp"}  # fmt: skip


def test_structlog_tells_an_exception_with_its_stack():
    out = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(out),
        processors=[add_ids, structlog.processors.format_exc_info, JsonRenderer()],
    )
    try:
        int("x")
    except ValueError:
        log.exception("failed")

    assert "invalid literal" in json.loads(out.getvalue())["error.stack_trace"]


def test_structlog_over_logging_goes_where_all_logs_go(section, start, request_id: str):
    config = section(kind="store")
    telemetry = start(config)
    log = structlog.wrap_logger(
        logging.getLogger("app.structured"),
        processors=[structlog.stdlib.render_to_log_kwargs],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    with telemetry.tracer.start_as_current_span("work") as span:
        log.bind(replica="r-1").warning("slow", tokens=12)
    telemetry.shutdown()

    (path,) = config.store_dir.glob("logs-*")
    told = json.loads(path.read_text())
    assert ("slow", 13) == (told["body"]["text"], told["severity_number"])
    assert {
        "replica": "r-1", "tokens": 12, "request_id": request_id, "message_template.text": "slow",
    } == told["attributes"]  # fmt: skip
    assert f"{span.get_span_context().trace_id:032x}" == told["trace_id"]
