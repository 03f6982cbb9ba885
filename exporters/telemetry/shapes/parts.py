"""What all shapes need of a span: ids, times, status, weight."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from exporters.telemetry.document import Origin
from exporters.telemetry.redact import Value

WEIGHT = "busysignal.weight"
"""The attribute that tells how many spans this one stands for; absent where that is one."""

_THRESHOLD = re.compile(r"(?:^|,)\s*ot=(?:[^,]*;)?th:([0-9a-f]{1,14})(?:[;,]|$)")


class Facts(NamedTuple):
    """The parts of a span that every shape writes, in whatever form. Times in ns, UTC."""

    trace_id: str
    span_id: str
    parent_id: str
    start: int
    end: int
    name: str
    status: str
    message: str
    trace_state: str


def facts(span: ReadableSpan, origin: Origin) -> Facts | None:
    """Take them from a finished span; None of one that has no ids."""
    context = span.get_span_context()
    if context is None:
        return None
    start = span.start_time or 0
    code, message = span.status.status_code, span.status.description
    status = "" if code is StatusCode.UNSET else "Ok" if code is StatusCode.OK else "Error"
    return Facts(
        f"{context.trace_id:032x}",
        f"{context.span_id:016x}",
        f"{span.parent.span_id:016x}" if span.parent is not None else "",
        start,
        max(start, span.end_time or start),
        origin.redactor.clean(span.name),
        status,
        origin.redactor.clean(message) if message else "",
        context.trace_state.to_header() if context.trace_state else "",
    )


def told(span: ReadableSpan, origin: Origin, trace_state: str, weight: float) -> dict[str, Value]:
    """Write the span's attributes, with its weight among them where it is not one."""
    attributes = origin.redactor.attributes(span.attributes)
    if trace_state:
        weight *= head_weight(trace_state)
    if weight != 1.0:
        attributes[WEIGHT] = weight
    return attributes


def head_weight(trace_state: str) -> float:
    """Read how many traces this one stands for by OpenTelemetry's sampling threshold."""
    match = _THRESHOLD.search(trace_state)
    return 1.0 / (1.0 - int(match[1].ljust(14, "0"), 16) / 16.0**14) if match else 1.0


def unambiguous(fields: dict[str, Any]) -> dict[str, Any]:
    """Rename `a` to `a.value` where there is an `a.b`: Elasticsearch cannot hold both."""
    twice = _both(tuple(fields))
    if not twice:
        return fields
    return {f"{key}.value" if key in twice else key: value for key, value in fields.items()}


@lru_cache(maxsize=1024)  # spans of one operation have the same keys
def _both(keys: tuple[str, ...]) -> frozenset[str]:
    parents = {key[:at] for key in keys for at, sign in enumerate(key) if sign == "."}
    return frozenset(parents.intersection(keys))
