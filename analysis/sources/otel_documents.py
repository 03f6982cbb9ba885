"""What the columns need of documents of the `otel` shape; all else is skipped, not decoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from analysis.sources.page import Page, Place
from analysis.sources.values import MODELS, REQUEST_IDS

EMPTY = msgspec.Raw(b"{}")
HTTP = ("http.response.status_code", "http.status_code")
WEIGHT = ("busysignal.weight",)
EXCEPTION = ("exception.type",)
STACKTRACE = ("exception.stacktrace",)

KNOWN = {
    name: f"f{place}"
    for place, name in enumerate((*REQUEST_IDS, *HTTP, *MODELS, *WEIGHT, *EXCEPTION, *STACKTRACE))
}
"""The attributes that columns are made of, and the fields that they are decoded into."""

_Known: type[msgspec.Struct] = msgspec.defstruct(
    "_Known",
    [(field, Any, msgspec.field(default=None, name=name)) for name, field in KNOWN.items()],
    gc=False,
)
decode_known: Callable[[bytes], list[Any]] = msgspec.json.Decoder(
    list[_Known]  # type: ignore[valid-type]  # made above
).decode


class Status(msgspec.Struct, gc=False):
    """The status of a span."""

    code: str | None = None
    message: str | None = None


class Span(msgspec.Struct, gc=False):
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


class Body(msgspec.Struct, gc=False):
    """The body of a log."""

    text: str | None = None
    structured: msgspec.Raw | None = None


class Scope(msgspec.Struct, gc=False):
    """The scope of a log."""

    name: str | None = None


class Log(msgspec.Struct, gc=False):
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


class SpanHit(Place, gc=False, kw_only=True):
    """A span and where it lies."""

    source: Span = msgspec.field(name="_source")


class LogHit(Place, gc=False, kw_only=True):
    """A log and where it lies."""

    source: Log = msgspec.field(name="_source")


decode_span = msgspec.json.Decoder(Span).decode
decode_log = msgspec.json.Decoder(Log).decode
decode_spans = msgspec.json.Decoder(Page[SpanHit]).decode
decode_logs = msgspec.json.Decoder(Page[LogHit]).decode
