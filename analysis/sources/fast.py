"""The `otel` shape straight from bytes to columns: as the general reader, several times faster.

A page is decoded in one go and turned into columns at once, no row is ever an object of its own.
Attributes stay the text that came, and a resource, of which there are few, is read once. A
document that is in any way unusual is left to the general reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec
import orjson
import polars as pl

from analysis.frames import LOG_SCHEMA, SPAN_SCHEMA
from analysis.sources import columns
from analysis.sources import otel_documents as otel
from analysis.sources.attributes import to_json
from analysis.sources.flatten import flatten
from analysis.sources.otel_documents import LogHit, SpanHit
from analysis.sources.page import Page, RawHit
from analysis.sources.shape import Candidate
from analysis.sources.values import KEPT_RESOURCE, MODELS, REQUEST_IDS

PLAIN = Candidate()
DATE = Candidate(unit="date")
SAMPLED = Candidate.model_validate({"as": "sampling_weight"})
STATUSES = {"ok": "ok", "error": "error"}

HitT = TypeVar("HitT", SpanHit, LogHit)
Columns = dict[str, tuple[Any, ...]]
_values = msgspec.structs.astuple


@dataclass(frozen=True)
class Way(Generic[HitT]):
    """The short way of one kind of documents."""

    page: Callable[[bytes], Page[HitT]]
    """Decodes a page; raises MsgspecError where any document is of another form."""
    hit: Callable[[RawHit], HitT]
    odd: Callable[[Sequence[HitT]], list[int]]
    """The places of documents that the general reader must read, for other reasons."""
    frame: Callable[[Sequence[HitT], list[bytes]], pl.DataFrame]
    """Canonical rows, unsorted, of documents and of their attributes as text."""

    def whole(self, content: bytes) -> tuple[Page[HitT], pl.DataFrame] | None:
        """The page and its rows; None unless all documents are of the form."""
        try:
            page = self.page(content)
        except msgspec.ValidationError:
            return None
        hits = page.hits.hits
        attributes = _attributes(hits)
        if _odd_attributes(attributes) or self.odd(hits):
            return None
        return page, self.frame(hits, attributes)

    def sift(self, hits: Iterable[RawHit]) -> tuple[pl.DataFrame, list[RawHit]]:
        """Rows of the documents that are of the form, and those that are not."""
        usual: list[HitT] = []
        raws, left = [], []
        for raw in hits:
            try:
                usual.append(self.hit(raw))
                raws.append(raw)
            except msgspec.MsgspecError:
                left.append(raw)
        odd = {*self.odd(usual), *_odd_attributes(_attributes(usual))}
        left += [raws[place] for place in odd]
        plain = [hit for place, hit in enumerate(usual) if place not in odd]
        return self.frame(plain, _attributes(plain)), left


def _span_hit(hit: RawHit) -> SpanHit:
    return SpanHit(hit.index, hit.id, hit.sort, source=otel.decode_span(hit.source))


def _log_hit(hit: RawHit) -> LogHit:
    return LogHit(hit.index, hit.id, hit.sort, source=otel.decode_log(hit.source))


def _odd_spans(_: Sequence[SpanHit]) -> list[int]:
    return []


def _odd_logs(hits: Sequence[LogHit]) -> list[int]:
    logs = [hit.source for hit in hits]
    return [
        place
        for place, log in enumerate(logs)
        if not log.body.text
        or log.body.structured is not None
        or not 1 <= log.severity_number <= 24
        or (log.span_id is not None and (log.name is not None or log.duration is not None))
    ]


def _attributes(hits: Sequence[HitT]) -> list[bytes]:
    return [bytes(hit.source.attributes) for hit in hits]


def _odd_attributes(contents: Sequence[bytes]) -> list[int]:
    """Nested ones, and those with values that are none."""
    return [
        place
        for place, content in enumerate(contents)
        if content.find(b"{", 1) > 0 or b"null" in content or content[-1:] != b"}"
    ]


def _span_frame(hits: Sequence[SpanHit], attributes: list[bytes]) -> pl.DataFrame:
    if not hits:
        return pl.DataFrame(schema=dict(SPAN_SCHEMA))
    told = _columns(hits, otel.Span)
    resources, suffixes = _resources(told["resource"])
    known = Known(attributes)
    statuses = told["status"]
    codes = [status and status.code for status in statuses]
    found = {
        "ts_ns": columns.instant(DATE, list(told["ts"])),
        "duration_ns": columns.duration(PLAIN, list(told["duration"])),
        "trace_id": columns.identity(32)(PLAIN, list(told["trace_id"])),
        "span_id": columns.identity(16)(PLAIN, list(told["span_id"])),
        "parent_id": columns.identity(16)(PLAIN, list(told["parent_span_id"])),
        "operation": columns.text(PLAIN, list(told["name"])),
        "kind": _of_few(told["kind"], columns.kind),
        "status": _of_few(codes, _status),
        "status_message": columns.text(PLAIN, [status and status.message for status in statuses]),
        "http_status": known.first(otel.HTTP, columns.integer, pl.Int64()),
        "request_id": known.first(REQUEST_IDS),
        "model": known.first(MODELS),
        "weight": _weight(known, told["trace_state"]),
        "attributes": _text(attributes, suffixes),
        **resources,
        **_places(hits),
    }
    return pl.DataFrame([found[name].alias(name) for name in SPAN_SCHEMA])


def _log_frame(hits: Sequence[LogHit], attributes: list[bytes]) -> pl.DataFrame:
    if not hits:
        return pl.DataFrame(schema=dict(LOG_SCHEMA))
    told = _columns(hits, otel.Log)
    resources, suffixes = _resources(told["resource"])
    known = Known(attributes)
    found = {
        "ts_ns": columns.instant(DATE, list(told["ts"])),
        "severity": columns.severity(PLAIN, list(told["severity_number"])),
        "body": columns.text(PLAIN, [body.text for body in told["body"]]),
        "logger": columns.text(PLAIN, [scope and scope.name for scope in told["scope"]]),
        "trace_id": columns.identity(32)(PLAIN, list(told["trace_id"])),
        "span_id": columns.identity(16)(PLAIN, list(told["span_id"])),
        "request_id": known.first(REQUEST_IDS),
        "exception_type": known.first(otel.EXCEPTION),
        "stacktrace": known.first(otel.STACKTRACE),
        "attributes": _text(attributes, suffixes),
        **resources,
        **_places(hits),
    }
    return pl.DataFrame([found[name].alias(name) for name in LOG_SCHEMA])


SPANS = Way(otel.decode_spans, _span_hit, _odd_spans, _span_frame)
LOGS = Way(otel.decode_logs, _log_hit, _odd_logs, _log_frame)


class Known:
    """The attributes that columns are made of, by their names."""

    def __init__(self, attributes: Sequence[bytes]) -> None:
        self._count = len(attributes)
        rows = map(_values, map(otel.decode_known, attributes))
        told = dict(zip(otel.KNOWN, zip(*rows, strict=True), strict=True))
        self._told = {
            name: values for name, values in told.items() if values.count(None) < self._count
        }

    def first(
        self,
        names: Sequence[str],
        read: columns.Read = columns.text,
        kind: pl.DataType = pl.String(),  # noqa: B008  a type, never changed
    ) -> pl.Series:
        """The first of the attributes that says something, document by document."""
        raw = ((PLAIN, columns.plain(self._told[name])) for name in names if name in self._told)
        return columns.first(raw, read, kind, self._count)


def _columns(hits: Sequence[SpanHit] | Sequence[LogHit], kind: type[msgspec.Struct]) -> Columns:
    rows = zip(*(_values(hit.source) for hit in hits), strict=True)
    return dict(zip(kind.__struct_fields__, rows, strict=True))


def _places(hits: Sequence[SpanHit] | Sequence[LogHit]) -> dict[str, pl.Series]:
    return {
        "source_index": pl.Series([hit.index for hit in hits], dtype=pl.String),
        "source_id": pl.Series([hit.id for hit in hits], dtype=pl.String),
    }


def _resources(raw: Sequence[msgspec.Raw]) -> tuple[dict[str, pl.Series], list[bytes]]:
    """Columns of the resources, and of each document the attributes that its resource adds."""
    contents = list(map(bytes, raw))
    number = {content: place for place, content in enumerate(dict.fromkeys(contents))}
    told = [_resource(content) for content in number]
    where = pl.Series([number[content] for content in contents], dtype=pl.UInt32)
    found = {
        name: columns.text(PLAIN, [one[place] for one in told]).gather(where)
        for place, name in enumerate(("service", "pod", "node", "container"))
    }
    suffix = {content: one[4] for content, one in zip(number, told, strict=True)}
    return found, [suffix[content] for content in contents]


@lru_cache(maxsize=4_096)
def _resource(content: bytes) -> tuple[Any, Any, Any, Any, bytes]:
    """Service, pod, node and container of a resource, and what attributes keep of it, as text."""
    told = flatten({"": orjson.loads(content)})

    def of(*names: str) -> Any:
        values = columns.plain([told.get(f".attributes.{name}") for name in names])
        return next((value for value in values if value not in (None, "")), None)

    kept = {f"resource.{key}": told.get(f".attributes.{key}") for key in KEPT_RESOURCE}
    text = to_json({key: value for key, value in kept.items() if value is not None})
    return (
        of("service.name"), of("k8s.pod.name"), of("k8s.node.name", "host.name"),
        of("container.id"), text.encode()[1:-1],
    )  # fmt: skip


def _of_few(values: Sequence[Any], read: columns.Read) -> pl.Series:
    """A column of few different values: each of them is read once."""
    number = {value: place for place, value in enumerate(dict.fromkeys(values))}
    where = pl.Series([number[value] for value in values], dtype=pl.UInt32)
    return read(PLAIN, list(number)).gather(where)


def _status(_: Candidate, codes: list[Any]) -> pl.Series:
    told = [STATUSES.get((code or "").lower(), "unset") for code in codes]
    return pl.Series(told, dtype=pl.String)


def _weight(known: Known, states: Sequence[str | None]) -> pl.Series:
    told = known.first(otel.WEIGHT, columns.count, pl.Float64())
    if states.count(None) == len(states):
        return told
    return told.zip_with(told.is_not_null(), columns.count(SAMPLED, list(states)))


def _text(attributes: Sequence[bytes], suffixes: Sequence[bytes]) -> pl.Series:
    """The JSON of attributes, and of what their resource adds, as one object."""
    joined = [
        b"%b,%b}" % (content[:-1], suffix) if suffix and b'"' in content
        else b"{%b}" % suffix if suffix else content
        for content, suffix in zip(attributes, suffixes, strict=True)
    ]  # fmt: skip
    return pl.Series(joined, dtype=pl.Binary).cast(pl.String)
