"""The `otel` shape straight from bytes to columns: as the general reader, several times faster.

A page is decoded in one go and turned into columns at once, no row is ever an object of its own.
Attributes stay the text that came, and a resource, of which there are few, is read once. A
document that is in any way unusual is left to the general reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, Generic, Self, TypeVar

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

BETWEEN = b"\x1e"
"""No JSON holds this character: it parts values that are joined."""

HitT = TypeVar("HitT", SpanHit, LogHit)
Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class Way(Generic[HitT]):
    """The short way of one kind of documents."""

    page: Callable[[bytes], Page[HitT]]
    """Decodes a page; raises MsgspecError where any document is of another form."""
    hit: Callable[[RawHit], HitT]
    odd: Callable[[Sequence[HitT]], list[int]]
    """The places of documents that the general reader must read, for other reasons."""
    frame: Callable[[Sequence[HitT], Attributes], pl.DataFrame]
    """Canonical rows, unsorted, of documents and of their attributes."""

    def whole(self, hits: Sequence[HitT]) -> pl.DataFrame | None:
        """The rows of a page; None unless all of its documents are of the form."""
        try:
            attributes = Attributes.of(hits)
        except msgspec.ValidationError:
            return None
        if attributes.are_odd or self.odd(hits):
            return None
        return self.frame(hits, attributes)

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
        odd = {*self.odd(usual), *_odd_attributes(usual)}
        left += [raws[place] for place in odd]
        plain = [hit for place, hit in enumerate(usual) if place not in odd]
        return self.frame(plain, Attributes.of(plain)), left


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


def _odd_attributes(hits: Sequence[HitT]) -> list[int]:
    """Nested ones, and those with values that are none."""
    contents = [bytes(hit.source.attributes) for hit in hits]
    return [
        place
        for place, content in enumerate(contents)
        if content.find(b"{", 1) > 0 or b"null" in content or content[-1:] != b"}"
    ]


def _span_frame(hits: Sequence[SpanHit], attributes: Attributes) -> pl.DataFrame:
    if not hits:
        return pl.DataFrame(schema=dict(SPAN_SCHEMA))
    told = _columns(hits, otel.Span)
    resources = _resources(told["resource"])
    statuses = told["status"]
    codes = [status and status.code for status in statuses]
    found = {
        "ts_ns": columns.instant(DATE, told["ts"]),
        "duration_ns": columns.duration(PLAIN, told["duration"]),
        "trace_id": columns.identity(32)(PLAIN, told["trace_id"]),
        "span_id": columns.identity(16)(PLAIN, told["span_id"]),
        "parent_id": columns.identity(16)(PLAIN, told["parent_span_id"]),
        "operation": columns.text(PLAIN, told["name"]),
        "kind": _of_few(told["kind"], columns.kind),
        "status": _of_few(codes, _status),
        "status_message": columns.text(PLAIN, [status and status.message for status in statuses]),
        "http_status": attributes.first(otel.HTTP, columns.integer, pl.Int64()),
        "request_id": attributes.first(REQUEST_IDS),
        "model": attributes.first(MODELS),
        "weight": _weight(attributes, told["trace_state"]),
        "attributes": attributes.text(resources["more"]),
        **resources.to_dict(),
        **_places(hits),
    }
    return pl.DataFrame([found[name].alias(name) for name in SPAN_SCHEMA])


def _log_frame(hits: Sequence[LogHit], attributes: Attributes) -> pl.DataFrame:
    if not hits:
        return pl.DataFrame(schema=dict(LOG_SCHEMA))
    told = _columns(hits, otel.Log)
    resources = _resources(told["resource"])
    found = {
        "ts_ns": columns.instant(DATE, told["ts"]),
        "severity": columns.severity(PLAIN, told["severity_number"]),
        "body": columns.text(PLAIN, [body.text for body in told["body"]]),
        "logger": columns.text(PLAIN, [scope and scope.name for scope in told["scope"]]),
        "trace_id": columns.identity(32)(PLAIN, told["trace_id"]),
        "span_id": columns.identity(16)(PLAIN, told["span_id"]),
        "request_id": attributes.first(REQUEST_IDS),
        "exception_type": attributes.first(otel.EXCEPTION),
        "stacktrace": attributes.first(otel.STACKTRACE),
        "attributes": attributes.text(resources["more"]),
        **resources.to_dict(),
        **_places(hits),
    }
    return pl.DataFrame([found[name].alias(name) for name in LOG_SCHEMA])


SPANS = Way(otel.decode_spans, _span_hit, _odd_spans, _span_frame)
LOGS = Way(otel.decode_logs, _log_hit, _odd_logs, _log_frame)


class Attributes:
    """The attributes of documents, as text and by the names that columns are made of."""

    def __init__(self, raw: Sequence[msgspec.Raw]) -> None:
        """Raises msgspec.ValidationError where any are no object."""
        self._joined = BETWEEN.join(raw)
        self._own = _split(self._joined)
        self._known = otel.decode_known(b"[%b]" % self._joined.replace(BETWEEN, b","))

    @classmethod
    def of(cls, hits: Sequence[HitT]) -> Self:
        """Those of the documents."""
        return cls([hit.source.attributes for hit in hits])

    @property
    def are_odd(self) -> bool:
        """Whether any may be nested, or have a value that is none."""
        if self._joined.count(b"{") != len(self._own):
            return True
        return bool(self._own.str.contains("null", literal=True).any())

    def first(
        self,
        names: Sequence[str],
        read: columns.Read = columns.text,
        kind: pl.DataType = pl.String(),  # noqa: B008  a type, never changed
    ) -> pl.Series:
        """The first of the attributes that says something, document by document."""
        fields = (attrgetter(otel.KNOWN[name]) for name in names)
        raw = ((PLAIN, columns.plain(list(map(field, self._known)))) for field in fields)
        told = ((plain, values) for plain, values in raw if values.count(None) < len(values))
        return columns.first(told, read, kind, len(self._own))

    def text(self, more: pl.Series) -> pl.Series:
        """Their JSON with what a resource adds, as one object each."""
        both = pl.concat_str(pl.col("own").str.strip_suffix("}"), pl.lit(","), pl.col("more"))
        joined = (
            pl.when(pl.col("more") == "")
            .then(pl.col("own"))
            .when(pl.col("own").str.contains('"', literal=True))
            .then(pl.concat_str(both, pl.lit("}")))
            .otherwise(pl.concat_str(pl.lit("{"), pl.col("more"), pl.lit("}")))
        )
        return pl.DataFrame([self._own.alias("own"), more.alias("more")]).select(joined).to_series()


def _columns(hits: Sequence[SpanHit] | Sequence[LogHit], kind: type[msgspec.Struct]) -> Columns:
    documents = [hit.source for hit in hits]
    return {name: list(map(attrgetter(name), documents)) for name in kind.__struct_fields__}


def _places(hits: Sequence[SpanHit] | Sequence[LogHit]) -> dict[str, pl.Series]:
    return {
        "source_index": pl.Series([hit.index for hit in hits], dtype=pl.String),
        "source_id": pl.Series([hit.id for hit in hits], dtype=pl.String),
    }


def _resources(raw: Sequence[msgspec.Raw]) -> pl.DataFrame:
    """Columns of the resources, and `more`: the attributes that a resource adds to a document's."""
    contents = _split(BETWEEN.join(raw)).alias("content")
    different = contents.unique()
    told = [_resource(content) for content in different]
    found = {
        name: columns.text(PLAIN, [one[place] for one in told])
        for place, name in enumerate(("service", "pod", "node", "container"))
    }
    found["more"] = pl.Series([one[4] for one in told], dtype=pl.String)
    known = pl.DataFrame([different, *(found[name].alias(name) for name in found)])
    return contents.to_frame().join(known, on="content", how="left", maintain_order="left")


def _split(joined: bytes) -> pl.Series:
    return (
        pl.Series([joined], dtype=pl.Binary).cast(pl.String).str.split(BETWEEN.decode()).explode()
    )


def _numbered(values: Sequence[Any]) -> tuple[list[Any], pl.Series]:
    """The different values in order, and of each value its place among them."""
    different = list(dict.fromkeys(values))
    number = dict(zip(different, range(len(different)), strict=True))
    return different, pl.Series(list(map(number.__getitem__, values)), dtype=pl.UInt32)


@lru_cache(maxsize=4_096)
def _resource(content: str) -> tuple[Any, Any, Any, Any, str]:
    """Service, pod, node and container of a resource, and what attributes keep of it, as text."""
    told = flatten({"": orjson.loads(content)})

    def of(*names: str) -> Any:
        values = columns.plain([told.get(f".attributes.{name}") for name in names])
        return next((value for value in values if value not in (None, "")), None)

    kept = {f"resource.{key}": told.get(f".attributes.{key}") for key in KEPT_RESOURCE}
    text = to_json({key: value for key, value in kept.items() if value is not None})
    return (
        of("service.name"), of("k8s.pod.name"), of("k8s.node.name", "host.name"),
        of("container.id"), text[1:-1],
    )  # fmt: skip


def _of_few(values: Sequence[Any], read: columns.Read) -> pl.Series:
    """A column of few different values: each of them is read once."""
    different, where = _numbered(values)
    return read(PLAIN, different).gather(where)


def _status(_: Candidate, codes: list[Any]) -> pl.Series:
    told = [STATUSES.get((code or "").lower(), "unset") for code in codes]
    return pl.Series(told, dtype=pl.String)


def _weight(attributes: Attributes, states: Sequence[str | None]) -> pl.Series:
    told = attributes.first(otel.WEIGHT, columns.count, pl.Float64())
    if states.count(None) == len(states):
        return told
    return told.zip_with(told.is_not_null(), columns.count(SAMPLED, list(states)))
