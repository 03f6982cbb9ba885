from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from pydantic import BaseModel

from analysis.sources.values import nanoseconds
from exporters.telemetry.document import Line, LogEntry, Origin
from exporters.telemetry.redact import MAX_TEXT, STRICT
from exporters.telemetry.shapes.otel import OtelShape, timestamp
from tests.golden import Golden

ORIGIN = Origin({"service.name": "replica", "service.version": "1.2.3"}, "x.otel")
CONTEXT = SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1))
PARENT = SpanContext(0xABC, 0x123, is_remote=True, trace_flags=TraceFlags(1))


def span_lines(told: ReadableSpan, origin: Origin = ORIGIN, weight: float = 1.0) -> list[Line]:
    return list(OtelShape(origin).span(told, weight))


def log_line(entry: LogEntry, origin: Origin = ORIGIN) -> Line:
    return OtelShape(origin).log(entry)


def span(**values: object) -> ReadableSpan:
    given = {
        "name": "POST /v1/completions",
        "context": CONTEXT,
        "parent": PARENT,
        "kind": SpanKind.SERVER,
        "start_time": 1_795_428_001_700_063_655,
        "end_time": 1_795_428_001_700_163_655,
        "instrumentation_scope": InstrumentationScope("busysignal"),
    }
    return ReadableSpan(**(given | values))


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_every_timestamp_is_read_back_to_the_nanosecond(ns):
    assert ns == nanoseconds(timestamp(ns))


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_a_decimal_reading_of_a_timestamp_is_right_too(ns):
    whole, _, fraction = timestamp(ns).partition(".")

    assert len(fraction) == 6
    assert ns == int(whole + fraction)


def test_a_span_and_its_event_look_as_the_opentelemetry_exporter_writes_them(golden: Golden):
    told = span(
        attributes={"http.response.status_code": 503, "sizes": (1, 2), "request_id": "r-1"},
        status=Status(StatusCode.ERROR, "queue is full"),
        events=[Event("exception", {"exception.type": "Busy"}, 1_795_428_001_700_063_660)],
    )
    lines = span_lines(told)

    golden.check(
        "span.json",
        "".join(json.dumps(json.loads(line.document), indent=1) + "\n" for line in lines),
    )
    assert [
        ("span", "traces-x.otel-default-2026.11.23", f"{0xABC:032x}{0xDEF:016x}"),
        ("log", "logs-x.otel-default-2026.11.23", f"{0xABC:032x}{0xDEF:016x}-0"),
    ] == [(line.kind, line.index, line.id) for line in lines]


def test_a_root_span_has_no_parent_and_an_unset_status_is_empty():
    (line,) = span_lines(span(parent=None))
    document = json.loads(line.document)

    assert "parent_span_id" not in document
    assert {} == document["status"]


def test_prompts_answers_and_secrets_stay_here():
    told = {
        "gen_ai.prompt": "my diagnosis",
        "gen_ai.input.messages": "[...]",
        "gen_ai.completion.0.content": "you are fine",
        "http.request.header.authorization": "Bearer abcdefghijkl",
        "gen_ai.usage.input_tokens": 12,
    }
    (line,) = span_lines(span(attributes=told))

    assert {"gen_ai.usage.input_tokens": 12} == json.loads(line.document)["attributes"]


def test_secrets_inside_texts_are_masked():
    assert "user=x Bearer ***" == STRICT.clean("user=x Bearer abcdefghijkl.mno")
    assert 'password="***" sent' == STRICT.clean('password="hunter2" sent')
    assert "https://me:***@host/x" == STRICT.clean("https://me:pw@host/x")
    assert "prompt_tokens=12 token 7" == STRICT.clean("prompt_tokens=12 token 7")
    assert not STRICT.is_private("gen_ai.usage.output_tokens")


def test_long_texts_are_cut():
    line = log_line(LogEntry("1", 5, 9, "INFO", "x", "y" * (MAX_TEXT + 1)))

    assert MAX_TEXT == len(json.loads(line.document)["body"]["text"])


def told(**extra: object) -> dict[str, object]:
    line = log_line(LogEntry("1", 5, 9, "INFO", "x", "y", attributes=extra))
    return json.loads(line.document)["attributes"]


@dataclass
class Job:
    prompt: str
    size: int


class Body(BaseModel):
    messages: list[str]
    model: str = "chat"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"messages": ["ache"], "model": "chat"}, "{'model': 'chat'}"),
        ({"input": {"messages": "ache", "n": 1}}, "{'input': {'n': 1}}"),
        ({"http": [{"authorization": "ache"}, {"size": 2}]}, "{'http': [{}, {'size': 2}]}"),
        ({("a",): {"gen_ai.prompt": "ache"}}, "{\"('a',)\": {}}"),
        ([{"content": "ache", "role": "user"}], ["{'role': 'user'}"]),
        (Job("ache", 3), "{'size': 3}"),
        ({"job": Job("ache", 3)}, "{'job': {'size': 3}}"),
        (Body(messages=["ache"]), "{'model': 'chat'}"),
    ],
)
def test_prompts_inside_a_structure_stay_here_too(value, kept):
    assert {"thing": kept} == told(thing=value)


def test_an_object_that_cannot_be_spoken_of_costs_only_its_own_value():
    class Mute:
        def __str__(self) -> str:
            raise RuntimeError("no")

        __repr__ = __str__

    assert {"a": "<Mute that cannot be written>", "b": 1} == told(a=Mute(), b=1)
    assert {"a": "{'in': '<Mute that cannot be written>'}"} == told(a={"in": Mute()})


def test_a_structure_without_an_end_is_cut():
    endless: dict[str, object] = {"n": 1}
    endless["self"] = endless
    around: list[object] = []
    around.append(around)

    assert "…" in str(told(a=endless)["a"])
    assert "…" in str(told(a=around)["a"])
