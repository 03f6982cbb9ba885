"""Values as the writers of documents spell them -> ids, times and numbers of canonical rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

Document = Mapping[str, Any]
Row = tuple[Any, ...]

WEIGHT = "busysignal.weight"
"""Written by tail sampling on what it keeps, whatever the shape."""
REQUEST_IDS = (
    "request_id", "request.id", "http.request.header.x-request-id", "http.request.id",
    "gen_ai.request.id", "gen_ai.response.id",
)  # fmt: skip
HTTP_STATUS = ("http.response.status_code", "http.status_code")
MODELS = ("gen_ai.request.model", "gen_ai.response.model")
KEPT_RESOURCE = ("service.version", "service.instance.id", "host.name")
_LEVELS = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "WARNING": 13, "ERROR": 17,
           "CRITICAL": 21, "FATAL": 21}  # fmt: skip
_ISO = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


@dataclass(frozen=True, slots=True)
class Hit:
    """A document and where it lies."""

    index: str
    id: str
    source: Document


class ShapeError(ValueError):
    """A document is not of this shape."""


def nanoseconds(value: Any) -> int:
    """Read `@timestamp` as nanoseconds since 1970, UTC.

    The exporter writes `<ms>.<ns>` with the nanoseconds of that millisecond as an integer
    without leading zeros: `5.123` is 5 ms and 123 ns, not 5.123 ms. Elasticsearch itself, where
    it rebuilds a document from its fields, answers ISO 8601; metrics carry whole milliseconds.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value * 1_000_000
    if isinstance(value, str):
        milliseconds, _, rest = value.partition(".")
        if milliseconds.isdecimal() and (not rest or (rest.isdecimal() and len(rest) <= 6)):
            return int(milliseconds) * 1_000_000 + int(rest or 0)
        if match := _ISO.fullmatch(value):
            seconds = datetime.fromisoformat(match[1]).replace(tzinfo=UTC).timestamp()
            return int(seconds) * 1_000_000_000 + int((match[2] or "0").ljust(9, "0"))
    raise ShapeError("no readable @timestamp")


def hex_id(value: Any, digits: int) -> str | None:
    """Read an id as lower-case hex of full length; some writers strip zeros. All zeros is none."""
    if not isinstance(value, str) or not value.strip("0"):
        return None
    return value.lower().zfill(digits)


def weight(trace_state: Any) -> float | None:
    """How many spans this one stands for, by OpenTelemetry's sampling threshold (`ot=th:...`)."""
    if not isinstance(trace_state, str):
        return None
    match = re.search(r"(?:^|,)ot=(?:[^,]*;)?th:([0-9a-f]{1,14})(?:[;,]|$)", trace_state)
    if match is None:
        return None
    return 1.0 / (1.0 - int(match[1].ljust(14, "0"), 16) / 16.0**14)


def look(values: Mapping[str, Any], key: str) -> Any:
    """Find `a.b` as one flat key or as nested objects: writers do both, even in one document."""
    if key in values:
        return values[key]
    head, dot, rest = key.partition(".")
    inner = values.get(head) if dot else None
    return look(inner, rest) if isinstance(inner, dict) else None


def first(values: Mapping[str, Any], keys: Iterable[str]) -> Any:
    """The first value that is there, of several names."""
    for key in keys:
        value = look(values, key)
        if isinstance(value, list):  # headers come as lists
            value = value[0] if value else None
        if value is not None and value != "":
            return value
    return None


def mapping(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under a key; an empty one where there is none."""
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """A text, or None of what says nothing."""
    return (
        value if isinstance(value, str) and value else None if value in (None, "") else str(value)
    )


def integer(value: Any) -> int | None:
    """A whole number, also from its digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def number(value: Any) -> float | None:
    """A number that can be a weight."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    return None


def severity(number: Any, level: Any) -> int | None:
    """OpenTelemetry's 1-24, from the number or else from the level's name."""
    told = integer(number)
    if told and 1 <= told <= 24:
        return told
    return _LEVELS.get(str(level or "").upper())


def to_json(told: Mapping[str, Any], resource: Mapping[str, Any]) -> str:
    """The column `attributes`: what was told, and what is worth keeping of the resource."""
    present = {f"resource.{key}": value for key, value in resource.items() if value is not None}
    return orjson.dumps({**told, **present}).decode()
