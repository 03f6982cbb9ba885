"""OTLP's JSON encoding -> documents of the `otel` shape, which the readers know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import orjson

from analysis.sources.values import Document, Hit

Kind = Literal["spans", "logs"]
KINDS = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
STATUSES = ("Unset", "Ok", "Error")
GROUPS: Mapping[Kind, tuple[str, str, str]] = {
    "spans": ("resourceSpans", "scopeSpans", "spans"),
    "logs": ("resourceLogs", "scopeLogs", "logRecords"),
}
LARGEST_WHOLE = 2**30
"""Bytes of a file that is one request; one of a request a line may be of any size."""

DEEPEST = 40


def read(path: Path, kind: Kind, broken: list[str]) -> Iterator[Hit]:
    """The documents of a file: one export request a line, or one that is the whole file.

    What is no request is left out and named in `broken`.
    """
    for place, request in _requests(path, broken):
        for number, document in enumerate(documents(request, kind)):
            yield Hit(path.name, f"{place}.{number}", document)


def documents(request: Mapping[str, Any], kind: Kind) -> Iterator[Document]:
    """The documents of one export request, in its order; malformed parts are left out."""
    of_resource, of_scope, items = GROUPS[kind]
    make = _span if kind == "spans" else _log
    for group in _objects(request, of_resource):
        resource = {"attributes": _attributes(_object(group, "resource"))}
        for part in _objects(group, of_scope):
            scope = {"name": _object(part, "scope").get("name")}
            for item in _objects(part, items):
                yield {**make(item), "resource": resource, "scope": scope}


def holds(path: Path, kind: Kind) -> bool:
    """Whether a file begins as requests of that kind do."""
    with path.open("rb") as file:
        return GROUPS[kind][0].encode() in file.read(4096)


def _requests(path: Path, broken: list[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            found = _decoded(line)
            if found is not None:
                yield number, found
            elif number == 1 and (whole := _whole(path)) is not None:
                yield 1, whole
                return
            else:
                broken.append(f"line {number} of {path.name}")


def _whole(path: Path) -> Mapping[str, Any] | None:
    return _decoded(path.read_bytes()) if path.stat().st_size <= LARGEST_WHOLE else None


def _decoded(content: bytes) -> Mapping[str, Any] | None:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _span(item: Mapping[str, Any]) -> dict[str, Any]:
    start, end = _integer(item.get("startTimeUnixNano")), _integer(item.get("endTimeUnixNano"))
    status = _object(item, "status")
    return {
        "@timestamp": _time(start),
        "trace_id": item.get("traceId"),
        "span_id": item.get("spanId"),
        "parent_span_id": item.get("parentSpanId"),
        "trace_state": item.get("traceState"),
        "name": item.get("name"),
        "kind": _named(item.get("kind"), KINDS, "SPAN_KIND_"),
        "duration": None if start is None or end is None else end - start,
        "status": {
            "code": _named(status.get("code", 0), STATUSES, "STATUS_CODE_"),
            "message": status.get("message"),
        },
        "attributes": _attributes(item),
    }


def _log(item: Mapping[str, Any]) -> dict[str, Any]:
    """Of a log without a time of its own it is the one at which it was seen."""
    own = _integer(item.get("timeUnixNano"))
    body = _value(item.get("body"), 0)
    structured = isinstance(body, dict | list)
    return {
        "@timestamp": _time(own or _integer(item.get("observedTimeUnixNano"))),
        "trace_id": item.get("traceId"),
        "span_id": item.get("spanId"),
        "severity_number": _integer(item.get("severityNumber")),
        "severity_text": item.get("severityText"),
        "event_name": item.get("eventName"),
        "body": {"structured": body} if structured else {"text": body},
        "attributes": _attributes(item),
    }


def _time(ns: int | None) -> str | None:
    return None if ns is None else f"{ns // 10**6}.{ns % 10**6}"


def _integer(value: Any) -> int | None:
    """64-bit integers are written as text."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _named(value: Any, names: tuple[str, ...], prefix: str) -> str | None:
    """An enumeration, by number or by name."""
    if isinstance(value, str) and value.startswith(prefix):
        return value.removeprefix(prefix).capitalize()
    number = _integer(value)
    return names[number] if number is not None and 0 <= number < len(names) else None


def _attributes(holder: Mapping[str, Any]) -> dict[str, Any]:
    return _map(holder.get("attributes"), 0)


def _map(pairs: Any, depth: int) -> dict[str, Any]:
    listed = pairs if isinstance(pairs, list) else []
    return {
        str(pair["key"]): _value(pair.get("value"), depth + 1)
        for pair in listed
        if isinstance(pair, dict) and "key" in pair
    }


def _value(told: Any, depth: int) -> Any:
    """AnyValue of the protocol; null is an empty one."""
    if not isinstance(told, dict) or depth > DEEPEST:
        return None
    for name, value in told.items():
        if name == "intValue":
            return _integer(value)
        if name == "arrayValue":
            inner = value if isinstance(value, dict) else {}
            return [_value(each, depth + 1) for each in _objects(inner, "values")]
        if name == "kvlistValue":
            return _map(value.get("values") if isinstance(value, dict) else None, depth + 1)
        if name.endswith("Value"):
            return value
    return None


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def _objects(holder: Mapping[str, Any], name: str) -> Iterator[Any]:
    found = holder.get(name)
    yield from (each for each in found if isinstance(each, dict)) if isinstance(found, list) else ()
