"""Values as the writers of documents spell them -> ids, times and numbers of canonical rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Document = Mapping[str, Any]

REQUEST_IDS = (
    "request_id", "request.id", "http.request.header.x-request-id", "http.request.id",
    "gen_ai.request.id", "gen_ai.response.id",
)  # fmt: skip
MODELS = ("gen_ai.request.model", "gen_ai.response.model")
KEPT_RESOURCE = ("service.version", "service.instance.id", "host.name")
LEVELS = {
    "TRACE": 1, "FINEST": 1, "VERBOSE": 1, "DEBUG": 5, "FINE": 5, "INFO": 9, "INFORMATION": 9,
    "NOTICE": 10, "WARN": 13, "WARNING": 13, "ERROR": 17, "ERR": 17, "SEVERE": 17, "CRITICAL": 21,
    "CRIT": 21, "FATAL": 21, "ALERT": 21, "EMERG": 24, "EMERGENCY": 24, "PANIC": 21,
}  # fmt: skip
"""Names of levels -> the severity of OpenTelemetry; syslog's by its data model's appendix."""
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


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
            return _of_iso(*match.groups())
    raise ShapeError("no readable @timestamp")


def _of_iso(day: str, clock: str, fraction: str | None, zone: str | None) -> int:
    """A time without a zone is UTC, as it is to Elasticsearch."""
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{zone if zone not in (None, 'Z') else ''}")
    except ValueError:
        raise ShapeError("no readable @timestamp") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = round((moment - _EPOCH) / _SECOND)
    return seconds * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))


def weight(trace_state: Any) -> float | None:
    """How many spans this one stands for, by OpenTelemetry's sampling threshold (`ot=th:...`)."""
    if not isinstance(trace_state, str):
        return None
    match = re.search(r"(?:^|,)ot=(?:[^,]*;)?th:([0-9a-f]{1,14})(?:[;,]|$)", trace_state)
    if match is None:
        return None
    return 1.0 / (1.0 - int(match[1].ljust(14, "0"), 16) / 16.0**14)
