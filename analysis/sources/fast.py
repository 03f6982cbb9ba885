"""The `otel` shape straight from bytes to columns: as the general reader, several times faster.

Only what the columns need is decoded; attributes stay the text that came, and a resource, of which
there are few, is read once. A document that is in any way unusual is left to the general reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import orjson
import polars as pl

from analysis.frames import LOG_SCHEMA, SPAN_SCHEMA
from analysis.sources import columns
from analysis.sources.flatten import flatten
from analysis.sources.page import RawHit
from analysis.sources.shape import Candidate
from analysis.sources.values import KEPT_RESOURCE, MODELS, REQUEST_IDS, weight

HTTP = ("http.response.status_code", "http.status_code")
EMPTY = msgspec.Raw(b"{}")
PLAIN = Candidate()
DATE = Candidate(unit="date")

_KNOWN = (*REQUEST_IDS, *HTTP, *MODELS, "busysignal.weight", "exception.type",
          "exception.stacktrace")  # fmt: skip
_Known: type[msgspec.Struct] = msgspec.defstruct(
    "_Known",
    [(f"f{n}", Any, msgspec.field(default=None, name=name)) for n, name in enumerate(_KNOWN)],
)
_known = msgspec.json.Decoder(_Known).decode
_values = msgspec.structs.astuple


class Unusual(Exception):  # noqa: N818  no error: the general reader takes it
    """A document that is not of the plain form."""


class Status(msgspec.Struct):
    """The status of a span."""

    code: str | None = None
    message: str | None = None


class Span(msgspec.Struct):
    """What the columns need of a span."""

    ts: str = msgspec.field(name="@timestamp")
    trace_id: str
    span_id: str
    name: str
    resource: msgspec.Raw
    parent_span_id: str | None = None
    trace_state: str | None = None
    kind: str | None = None
    duration: int | None = None
    status: Status | None = None
    attributes: msgspec.Raw = EMPTY


class Body(msgspec.Struct):
    """The body of a log."""

    text: str | None = None
    structured: msgspec.Raw | None = None


class Scope(msgspec.Struct):
    """The scope of a log."""

    name: str | None = None


class Log(msgspec.Struct):
    """What the columns need of a log; a `name` or `duration` would make it a span."""

    ts: str = msgspec.field(name="@timestamp")
    resource: msgspec.Raw
    severity_number: int
    body: Body
    trace_id: str | None = None
    span_id: str | None = None
    severity_text: str | None = None
    scope: Scope | None = None
    attributes: msgspec.Raw = EMPTY
    name: msgspec.Raw | None = None
    duration: msgspec.Raw | None = None


_span = msgspec.json.Decoder(Span).decode
_log = msgspec.json.Decoder(Log).decode


def spans(hits: Iterable[RawHit]) -> tuple[pl.DataFrame, list[RawHit]]:
    """Canonical spans, unsorted, and the documents that the general reader must read."""
    rows, left = [], []
    for hit in hits:
        try:
            rows.append(_span_row(_span(hit.source), hit))
        except (msgspec.MsgspecError, Unusual):
            left.append(hit)
    return _frame(rows, _SPAN_ROW, SPAN_SCHEMA), left


def logs(hits: Iterable[RawHit]) -> tuple[pl.DataFrame, list[RawHit]]:
    """Canonical logs, unsorted, and the documents that the general reader must read."""
    rows, left = [], []
    for hit in hits:
        try:
            rows.append(_log_row(_log(hit.source), hit))
        except (msgspec.MsgspecError, Unusual):
            left.append(hit)
    return _frame(rows, _LOG_ROW, LOG_SCHEMA), left


_SPAN_ROW = (
    "ts_ns", "duration_ns", "trace_id", "span_id", "parent_id", "service", "operation", "kind",
    "status", "status_message", "http_status", "request_id", "pod", "node", "container", "model",
    "weight", "attributes", "source_index", "source_id",
)  # fmt: skip
_LOG_ROW = (
    "ts_ns", "severity", "body", "logger", "service", "trace_id", "span_id", "request_id", "pod",
    "node", "exception_type", "stacktrace", "attributes", "source_index", "source_id",
)  # fmt: skip


def _span_row(span: Span, hit: RawHit) -> tuple[Any, ...]:
    service, pod, node, container, suffix = _resource(bytes(span.resource))
    told, known = _attributes(span.attributes, suffix)
    status = span.status
    code = (status.code or "").lower() if status else ""
    sampled = known[10]
    if sampled is None and span.trace_state:
        sampled = weight(span.trace_state)
    return (
        span.ts, span.duration, span.trace_id, span.span_id, span.parent_span_id, service,
        span.name, span.kind, code if code in {"ok", "error"} else "unset",
        status.message if status else None, _first(known[6:8]), _first(known[:6]), pod, node,
        container, _first(known[8:10]), sampled, told, hit.index, hit.id,
    )  # fmt: skip


def _log_row(log: Log, hit: RawHit) -> tuple[Any, ...]:
    if log.body.structured is not None or not log.body.text or not 1 <= log.severity_number <= 24:
        raise Unusual
    if log.span_id is not None and (log.name is not None or log.duration is not None):
        raise Unusual
    service, pod, node, _, suffix = _resource(bytes(log.resource))
    told, known = _attributes(log.attributes, suffix)
    return (
        log.ts, log.severity_number, log.body.text, log.scope.name if log.scope else None, service,
        log.trace_id, log.span_id, _first(known[:6]), pod, node, known[11], known[12], told,
        hit.index, hit.id,
    )  # fmt: skip


@lru_cache(maxsize=4_096)
def _resource(content: bytes) -> tuple[Any, Any, Any, Any, bytes]:
    """Service, pod, node and container of a resource, and what attributes keep of it, as text."""
    told = flatten({"": orjson.loads(content)})

    def of(name: str) -> Any:
        value = told.get(f".attributes.{name}")
        return value if value != "" else None

    kept = {f"resource.{key}": of(key) for key in KEPT_RESOURCE}
    text = orjson.dumps({key: value for key, value in kept.items() if value is not None})
    return (
        of("service.name"), of("k8s.pod.name"), of("k8s.node.name") or of("host.name"),
        of("container.id"), text[1:-1],
    )  # fmt: skip


def _attributes(raw: msgspec.Raw, suffix: bytes) -> tuple[str, tuple[Any, ...]]:
    content = bytes(raw)
    if content.count(b"{") != 1 or b"null" in content or content[-1:] != b"}":
        raise Unusual  # nested, or with values that are none
    inner = content[1:-1]
    joined = b"{%b%b%b}" % (inner, b"," if inner and suffix else b"", suffix)
    return joined.decode(), _values(_known(content))


def _first(values: Sequence[Any]) -> Any:
    for value in values:
        if value is not None and value not in ("", []):
            return value[0] if type(value) is list else value
    return None


def _frame(rows: list[tuple[Any, ...]], names: Sequence[str], schema: Any) -> pl.DataFrame:
    if not rows:
        return pl.DataFrame(schema=dict(schema))
    made = {}
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        read = _READERS.get(name, columns.text)
        made[name] = read(DATE if name == "ts_ns" else PLAIN, list(values))
    return pl.DataFrame(made, schema=dict(schema))


_READERS = {
    "ts_ns": columns.instant,
    "duration_ns": columns.duration,
    "trace_id": columns.identity(32),
    "span_id": columns.identity(16),
    "parent_id": columns.identity(16),
    "kind": columns.kind,
    "http_status": columns.integer,
    "weight": columns.count,
    "severity": columns.severity,
}
