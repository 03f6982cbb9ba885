from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, Tracer

from exporters.telemetry import (
    REQUEST_ID,
    Attempts,
    inference_span,
    outgoing,
    phase,
    server_span,
    set_status,
    set_usage,
)
from exporters.telemetry.gen_ai import LATEST, OPT_IN, is_latest, named, set_content

SCOPE: dict[str, Any] = {
    "type": "http", "method": "POST", "path": "/v1/completions", "scheme": "http",
    "http_version": "1.1", "server": ("127.0.0.1", 8000), "client": ("10.0.0.7", 5_000),
    "headers": [(b"user-agent", b"curl/8"), (b"traceparent",
                b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")],
}  # fmt: skip


class Told:
    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer: Tracer = provider.get_tracer("test")

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def __getitem__(self, name: str) -> ReadableSpan:
        (span,) = (span for span in self.spans if span.name == name)
        return span


@pytest.fixture
def told() -> Iterator[Told]:
    token = REQUEST_ID.set(None)
    yield Told()
    REQUEST_ID.reset(token)


def test_a_served_request_has_the_stable_http_names_and_its_callers_trace(told: Told):
    with server_span(told.tracer, SCOPE, request_id="r-1", route="/v1/completions") as span:
        set_status(span, 200)
        assert "r-1" == REQUEST_ID.get()

    span = told["POST /v1/completions"]
    assert SpanKind.SERVER is span.kind
    assert ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331") == (
        f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}",
    )  # fmt: skip
    assert {
        "http.request.method": "POST", "url.path": "/v1/completions", "url.scheme": "http",
        "network.protocol.version": "1.1", "server.address": "127.0.0.1", "server.port": 8000,
        "client.address": "10.0.0.7", "user_agent.original": "curl/8",
        "http.route": "/v1/completions", "http.response.status_code": 200,
    } == dict(span.attributes)  # fmt: skip
    assert StatusCode.UNSET is span.status.status_code


def test_a_request_that_no_user_sent_says_so_on_its_span(told: Told):
    marked = {**SCOPE, "headers": [(b"x-busysignal-synthetic", b"1")]}
    with server_span(told.tracer, marked):
        pass

    assert told["POST"].attributes["user_agent.synthetic.type"] == "test"


def test_an_unknown_method_is_no_new_name(told: Told):
    with server_span(told.tracer, SCOPE | {"method": "BREW", "headers": []}):
        pass

    assert "BREW" == told["_OTHER"].attributes["http.request.method_original"]


@pytest.mark.parametrize(
    ("kind", "status", "is_error"),
    [
        (SpanKind.SERVER, 499, False),
        (SpanKind.SERVER, 503, True),
        (SpanKind.CLIENT, 399, False),
        (SpanKind.CLIENT, 429, True),
    ],
)
def test_a_status_is_an_error_of_a_server_from_500_and_of_a_client_from_400(
    told: Told, kind, status, is_error
):
    with told.tracer.start_as_current_span("x", kind=kind) as span:
        set_status(span, status)

    assert is_error == (told["x"].status.status_code is StatusCode.ERROR)
    assert (str(status) if is_error else None) == told["x"].attributes.get("error.type")


def test_an_exception_is_told_once_with_type_and_stack_and_goes_on(told: Told):
    with pytest.raises(ValueError, match="no such model"), server_span(told.tracer, SCOPE):
        raise ValueError("no such model")

    (event,) = told["POST"].events
    assert "exception" == event.name
    assert ("ValueError", "no such model") == (
        event.attributes["exception.type"], event.attributes["exception.message"],
    )  # fmt: skip
    assert "test_spans.py" in event.attributes["exception.stacktrace"]
    assert ("ValueError", StatusCode.ERROR, "no such model") == (
        told["POST"].attributes["error.type"], told["POST"].status.status_code,
        told["POST"].status.description,
    )  # fmt: skip


def test_phases_are_children_with_the_times_they_had(told: Told):
    with server_span(told.tracer, SCOPE):
        phase(told.tracer, "queue", 5, 7)
        phase(told.tracer, "prefill", 7, 10, tokens=3)

    assert [("queue", 5, 7), ("prefill", 7, 10)] == [
        (span.name, span.start_time, span.end_time) for span in told.spans[:2]
    ]
    assert {told["POST"].context.span_id} == {span.parent.span_id for span in told.spans[:2]}
    assert {"tokens": 3} == dict(told["prefill"].attributes)


def test_a_retried_attempt_links_to_the_first(told: Told):
    attempts = Attempts(told.tracer)
    for error in (ConnectionError("refused"), ConnectionError("refused"), None):
        with suppress(ConnectionError), attempts.attempt(**{"server.address": "r"}) as span:
            header = outgoing({"a": "b"})["traceparent"]
            assert f"{span.get_span_context().span_id:016x}" in header
            if error is not None:
                raise error

    first, second, third = told.spans
    assert [] == list(first.links)
    assert [first.context.span_id] * 2 == [s.links[0].context.span_id for s in (second, third)]
    assert [None, 1, 2] == [span.attributes.get("http.request.resend_count") for span in told.spans]
    assert ["ConnectionError", "ConnectionError", None] == [
        span.attributes.get("error.type") for span in told.spans
    ]


@pytest.mark.parametrize(
    ("latest", "name"), [(False, "gen_ai.system"), (True, "gen_ai.provider.name")]
)
def test_a_models_call_has_the_names_that_the_opt_in_asks_for(told: Told, latest, name):
    with inference_span(
        told.tracer, "chat", "tiny", system="vllm", latest=latest, max_tokens=16, top_p=None
    ) as span:
        set_usage(span, input_tokens=12, output_tokens=0, finish_reasons=["stop"])

    assert {
        "gen_ai.operation.name": "chat", name: "vllm", "gen_ai.request.model": "tiny",
        "gen_ai.request.max_tokens": 16, "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 0, "gen_ai.response.finish_reasons": ("stop",),
    } == dict(told["chat tiny"].attributes)  # fmt: skip
    assert SpanKind.INTERNAL is told["chat tiny"].kind


def test_the_opt_in_is_a_list(monkeypatch):
    assert [False, True, True, False] == [
        is_latest({OPT_IN: value}) for value in ("", LATEST, f"http, {LATEST}", "http/dup")
    ]
    monkeypatch.setenv(OPT_IN, LATEST)
    assert {"gen_ai.provider.name": "x"} == named({"gen_ai.system": "x", "y": None})


def test_a_failed_call_of_a_model_tells_its_error(told: Told):
    with pytest.raises(MemoryError), inference_span(told.tracer, "chat", "tiny", system="vllm"):
        raise MemoryError

    assert "MemoryError" == told["chat tiny"].attributes["error.type"]


@pytest.mark.parametrize("latest", [False, True])
@pytest.mark.parametrize("content", [False, True])
def test_prompts_leave_only_when_asked_and_then_redacted(section, start, latest, content):
    config = section(kind="store", content=content, redact=[r"patient \w+"])
    telemetry = start(config)
    with telemetry.tracer.start_as_current_span("chat") as span:
        messages = "patient Smith, mail a.b@example.org, card 4111 1111 1111 1111, password=xyz"
        set_content(span, messages=messages, answer="fine", latest=latest)
        span.set_attribute("authorization", "Bearer secret-of-mine")
    telemetry.shutdown()

    written = "".join(path.read_text() for path in config.store_dir.iterdir())
    secrets = ("Smith", "example.org", "4111 1111", "=xyz", "secret-of-mine")
    assert not [word for word in secrets if word in written]
    assert content == ("***, mail ***, card ***, password=***" in written) == ("fine" in written)
    assert [json.loads(line) for line in written.splitlines()]
