"""Our documents against those that OpenTelemetry's own exporter made of the same spans and logs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from exporters.telemetry.document import LogEntry, Origin
from exporters.telemetry.redact import Redactor
from exporters.telemetry.shapes import shape
from tests.es_shapes import lines, unpack

ALL_TOLD = Redactor(content=True)
ALL_TOLD._own = None  # the exporter masks nothing


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(tmp_path_factory.mktemp("shapes"))


def context(told: dict[str, Any], span_id: str) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(
        int(told["trace_id"], 16), int(span_id, 16), is_remote=False, trace_flags=flags
    )


def span_of(told: dict[str, Any]) -> ReadableSpan:
    scope = told["scope"]
    return ReadableSpan(
        name=told["operation"],
        context=context(told, told["span_id"]),
        parent=context(told, told["parent_id"]) if told["parent_id"] else None,
        resource=Resource(told["resource"]),
        attributes=told["attributes"],
        events=[Event(e["name"], e["attributes"], e["time_ns"]) for e in told["events"]],
        links=[Link(context(link, link["span_id"]), link["attributes"]) for link in told["links"]],
        kind=SpanKind[told["kind"].upper()],
        status=Status(StatusCode[told["status"].upper()], told["status_message"] or None),
        start_time=told["start_ns"],
        end_time=told["start_ns"] + told["duration_ns"],
        instrumentation_scope=InstrumentationScope(
            scope["name"], scope["version"], attributes=scope["attributes"]
        ),
    )


def log_of(told: dict[str, Any]) -> LogEntry:
    return LogEntry(
        id="1", ts_ns=told["time_ns"], severity=told["severity_number"],
        level=told["severity_text"], logger=told["scope"]["name"], body=told["body"],
        trace_id=told["trace_id"] or None, span_id=told["span_id"] or None,
        trace_flags=1 if told["trace_id"] else 0, attributes=told["attributes"],
    )  # fmt: skip


def origin(told: dict[str, Any], name: str) -> Origin:
    return Origin(
        told["resource"], "generic.otel" if name == "otel" else "generic", redactor=ALL_TOLD
    )


def recorded(folder: Path, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in lines(folder / f"otelcol_{name}.ndjson"):
        if "sidecar" not in json.dumps(line):
            yield line["_index"].partition("-")[0], line["_source"]


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """But for what is meant to differ: the padding of a time, and who saw a log when."""
    document = {k: v for k, v in document.items() if k != "observed_timestamp"}
    if "." in str(document["@timestamp"]) and "T" not in document["@timestamp"]:
        whole, _, rest = document["@timestamp"].partition(".")
        document["@timestamp"] = f"{whole}.{int(rest):06d}"
    return document


def counted(documents: Iterator[dict[str, Any]]) -> Counter[str]:
    return Counter(json.dumps(plain(document), sort_keys=True) for document in documents)


@pytest.mark.parametrize("name", ["otel", "ecs", "raw"])
def test_each_span_and_event_is_the_exporters_field_by_field(folder: Path, name: str):
    written = [
        (line.kind, json.loads(line.document))
        for told in lines(folder / "truth_spans.ndjson")
        for line in shape(name, origin(told, name)).span(span_of(told))
    ]

    truth = counted(doc for stream, doc in recorded(folder, name) if stream == "traces")
    assert truth == counted(doc for kind, doc in written if kind == "span")
    assert 178 == sum(truth.values())
    events = counted(doc for kind, doc in written if kind == "log")
    assert ({"otel": 33, "ecs": 33, "raw": 0}[name]) == sum(events.values())
    logs = counted(doc for stream, doc in recorded(folder, name) if stream == "logs")
    assert not events - logs


@pytest.mark.parametrize("name", ["otel", "ecs", "raw"])
def test_each_log_of_text_is_the_exporters_field_by_field(folder: Path, name: str):
    # A record of `logging` has a text, and a structure in its extras is told as text.
    told = [t for t in lines(folder / "truth_logs.ndjson") if is_of_logging(t)]
    assert 53 == len(told)
    logs = counted(versionless(doc) for stream, doc in recorded(folder, name) if stream == "logs")

    for t in told:
        line = shape(name, origin(t, name)).log(log_of(t))
        (document,) = counted(iter([json.loads(line.document)]))
        assert document in logs, document


def is_of_logging(told: dict[str, Any]) -> bool:
    has_text = isinstance(told["body"], str) and told["body"] != ""
    return has_text and not any(isinstance(v, dict) for v in told["attributes"].values())


def versionless(document: dict[str, Any]) -> dict[str, Any]:
    """A logger of `logging` has no version, and no event name but as an attribute."""
    document = {k: v for k, v in document.items() if k not in {"Scope.version", "event_name"}}
    if "scope" in document and "name" in document["scope"]:
        document["scope"] = {"name": document["scope"]["name"]}
    return document
