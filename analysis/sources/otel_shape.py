"""Documents of OpenTelemetry's `otel` mapping mode -> canonical rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from analysis.sources.values import (
    HTTP_STATUS,
    KEPT_RESOURCE,
    MODELS,
    REQUEST_IDS,
    WEIGHT,
    Document,
    Hit,
    Row,
    ShapeError,
    first,
    hex_id,
    integer,
    look,
    mapping,
    nanoseconds,
    number,
    severity,
    text,
    to_json,
    weight,
)  # fmt: skip

SPAN_FIELDS = (
    "@timestamp", "trace_id", "span_id", "parent_span_id", "trace_state", "name", "kind",
    "duration", "status", "attributes", "resource.attributes",
)  # fmt: skip
LOG_FIELDS = (
    "@timestamp", "trace_id", "span_id", "severity_number", "severity_text", "event_name",
    "body", "body_text", "attributes", "resource.attributes", "scope.name",
)  # fmt: skip


def span_row(hit: Hit) -> Row:
    """Translate one span; the tuple is in the order of SPAN_SCHEMA."""
    source = hit.source
    told = mapping(source, "attributes")
    resource = mapping(mapping(source, "resource"), "attributes")
    status = mapping(source, "status")
    trace_id, span_id = hex_id(source.get("trace_id"), 32), hex_id(source.get("span_id"), 16)
    if trace_id is None or span_id is None:
        raise ShapeError("no trace_id and span_id")
    return (
        nanoseconds(source.get("@timestamp")),
        integer(source.get("duration")),
        trace_id,
        span_id,
        hex_id(source.get("parent_span_id"), 16),
        text(look(resource, "service.name")),
        text(source.get("name")),
        (text(source.get("kind")) or "").lower() or None,
        (text(status.get("code")) or "unset").lower(),
        text(status.get("message")),
        integer(first(told, HTTP_STATUS)),
        text(first(told, REQUEST_IDS)),
        text(look(resource, "k8s.pod.name")),
        text(first(resource, ("k8s.node.name", "host.name"))),
        text(look(resource, "container.id")),
        text(first(told, MODELS)),
        number(told.get(WEIGHT)) or weight(source.get("trace_state")),
        to_json(told, {key: look(resource, key) for key in KEPT_RESOURCE}),
        hit.index,
        hit.id,
    )


def log_row(hit: Hit) -> Row:
    """Translate one log record; the tuple is in the order of LOG_SCHEMA."""
    source = hit.source
    told = mapping(source, "attributes")
    resource = mapping(mapping(source, "resource"), "attributes")
    body = mapping(source, "body")
    structured = mapping(body, "structured")
    return (
        nanoseconds(source.get("@timestamp")),
        severity(source.get("severity_number"), source.get("severity_text")),
        _body(source, body, structured),
        text(mapping(source, "scope").get("name")),
        text(look(resource, "service.name")),
        hex_id(source.get("trace_id"), 32),
        hex_id(source.get("span_id"), 16),
        text(first(told, REQUEST_IDS) or first(structured, REQUEST_IDS)),
        text(look(resource, "k8s.pod.name")),
        text(first(resource, ("k8s.node.name", "host.name"))),
        text(look(told, "exception.type")),
        text(look(told, "exception.stacktrace")),
        to_json(told, {key: look(resource, key) for key in KEPT_RESOURCE}),
        hit.index,
        hit.id,
    )


def _body(source: Document, body: Mapping[str, Any], structured: Mapping[str, Any]) -> str | None:
    told = text(body.get("text")) or text(source.get("body_text"))
    if told is None and structured:
        return orjson.dumps(structured).decode()
    return told or text(source.get("event_name"))
