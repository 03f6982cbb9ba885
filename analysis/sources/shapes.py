"""Documents of any shape -> canonical frames; the shape is told by the fields, one by one."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from analysis.frames import LOG_SCHEMA, SPAN_SCHEMA, check_spans
from analysis.sources import columns, fast
from analysis.sources.attributes import Naming
from analysis.sources.columns import Batch
from analysis.sources.flatten import Told, apply_lists, flatten
from analysis.sources.page import Page, RawHit, decode
from analysis.sources.shape import Columns, Marks, Shape, shapes
from analysis.sources.values import Document, Hit

IDS = ("trace_id", "span_id")
NO_IDS = "no trace_id and span_id"
NO_LOG = "nothing that a log says"
NO_TIME = "no readable @timestamp"
Problems = Counter[str]
Row = Mapping[str, pl.Series]
"""Columns of a frame, all of one length."""


@dataclass(frozen=True)
class Read:
    """A page, its rows, and how many documents were none and are of each shape."""

    page: Page[Any]
    frame: pl.DataFrame
    problems: Problems
    shapes: Counter[str]


@dataclass(frozen=True)
class Opened:
    """A page whose hits are known: the next may be asked for before the rows of this are made."""

    page: Page[Any]
    read: Callable[[], Read]


Groups = Mapping[str, tuple[Shape, list[Told], list[Hit]]]


class Reader:
    """Reads documents with the user's shapes and ours."""

    def __init__(self, known: Sequence[Shape]) -> None:
        self.shapes = tuple(known)
        self._is_ours = self.shapes == shapes()  # a user's own may claim the common one's documents
        self._namings = {shape.name: Naming(shape.attributes) for shape in self.shapes}

    def shape(self, document: Document, told: Told | None = None) -> Shape:
        """Tell the shape by the fields; indices of one name may hold several."""
        told = flatten(document) if told is None else told
        for shape in self.shapes:
            if is_marked(shape.marks, document, told):
                return shape
        return self.shapes[-1]

    def spans(self, hits: Iterable[Hit]) -> tuple[pl.DataFrame, Problems]:
        """Return the canonical spans, and how many documents are not spans, by the reason."""
        frame, problems, _ = self.rows(hits, wants_spans=True)
        return once(frame), problems

    def logs(self, hits: Iterable[Hit]) -> tuple[pl.DataFrame, Problems]:
        """Return the canonical logs, and how many documents are not logs, by the reason."""
        frame, problems, _ = self.rows(hits, wants_spans=False)
        return in_order(frame), problems

    def page(self, content: bytes, *, wants_spans: bool) -> Read:
        """Read a page of an answer; the common shape takes a short way.

        Raises msgspec.MsgspecError where it is no page.
        """
        return self.opened(content, wants_spans=wants_spans).read()

    def opened(self, content: bytes, *, wants_spans: bool) -> Opened:
        """A page of which its hits are decoded, and its rows not yet made; raises as `page`."""
        way: fast.Way[Any] = fast.SPANS if wants_spans else fast.LOGS
        if self._is_ours:
            with contextlib.suppress(msgspec.ValidationError):
                usual = way.page(content)
                return Opened(
                    usual, lambda: self._usual(way, usual, content, wants_spans=wants_spans)
                )
        page = decode(content)
        return Opened(page, lambda: self._sifted(way, page, wants_spans=wants_spans))

    def _usual(
        self, way: fast.Way[Any], page: Page[Any], content: bytes, *, wants_spans: bool
    ) -> Read:
        frame = way.whole(page.hits.hits)
        if frame is None:
            return self._sifted(way, decode(content), wants_spans=wants_spans)
        problems: Problems = Counter()
        rows = _usable(frame, IDS if wants_spans else (), problems)
        return Read(page, rows, problems, Counter(otel=frame.height))

    def _sifted(self, way: fast.Way[Any], page: Page[RawHit], *, wants_spans: bool) -> Read:
        short, left = way.sift(page.hits.hits) if self._is_ours else (None, page.hits.hits)
        frame, problems, found = self.rows((hit.decoded() for hit in left), wants_spans=wants_spans)
        if short is not None and short.height:
            found["otel"] += short.height
            rows = _usable(short, IDS if wants_spans else (), problems)
            frame = pl.concat([rows, frame])
        return Read(page, frame, problems, found)

    def rows(
        self, hits: Iterable[Hit], *, wants_spans: bool
    ) -> tuple[pl.DataFrame, Problems, Counter[str]]:
        """Rows in no order, how many documents were none, and how many each shape has."""
        problems: Problems = Counter()
        groups = self._grouped(hits, problems, wants_spans=wants_spans)
        read, ids = (_spans, IDS) if wants_spans else (_logs, ())
        frames = {
            shape.name: _usable(self._frame(read, shape, told, found), ids, problems)
            for shape, told, found in groups.values()
        }
        empty = pl.DataFrame(schema=dict(SPAN_SCHEMA if wants_spans else LOG_SCHEMA))
        shapes = Counter({name: frame.height for name, frame in frames.items() if frame.height})
        return pl.concat([empty, *frames.values()]), problems, shapes

    def kept_nothing_of(self, shape: str, frame: pl.DataFrame, kind: str) -> list[str]:
        """The columns that a shape's writer does not keep, and of which nothing was found."""
        lost = next(getattr(each.lost, kind) for each in self.shapes if each.name == shape)
        return [name for name in lost if frame[name].null_count() == frame.height]

    def _frame(
        self, read: Callable[[Batch, Columns], Row], shape: Shape, told: list[Told], hits: list[Hit]
    ) -> pl.DataFrame:
        naming = self._namings[shape.name]
        is_spans = read is _spans
        found = {
            **read(Batch(told), shape.spans if is_spans else shape.logs),
            "attributes": pl.Series([naming.text(one) for one in told], dtype=pl.String),
            "source_index": pl.Series([hit.index for hit in hits], dtype=pl.String),
            "source_id": pl.Series([hit.id for hit in hits], dtype=pl.String),
        }
        return pl.DataFrame(found, schema=dict(SPAN_SCHEMA if is_spans else LOG_SCHEMA))

    def _grouped(self, hits: Iterable[Hit], problems: Problems, *, wants_spans: bool) -> Groups:
        groups: dict[str, tuple[Shape, list[Told], list[Hit]]] = {}
        for hit in hits:
            told = flatten(hit.source)
            shape = self.shape(hit.source, told)
            if is_marked(shape.ignored, hit.source, told):
                continue
            found_span = is_span(shape, hit.source, told)
            found_log = not found_span and is_log(shape, told)
            if found_log if wants_spans else found_span:
                continue
            if not wants_spans and not found_log:
                problems[NO_LOG] += 1
                continue
            apply_lists(told, shape)
            _, documents, places = groups.setdefault(shape.name, (shape, [], []))
            documents.append(told)
            places.append(hit)
        return groups


@cache
def reader(*files: str) -> Reader:
    """The reader of our shapes, and of those in the files."""
    return Reader(shapes(Path(file) for file in files))


def span_frame(hits: Iterable[Hit]) -> tuple[pl.DataFrame, Problems]:
    """Return the canonical spans, and how many documents are not spans, by the reason."""
    return reader().spans(hits)


def log_frame(hits: Iterable[Hit]) -> tuple[pl.DataFrame, Problems]:
    """Return the canonical logs, and how many documents are not logs, by the reason."""
    return reader().logs(hits)


def once(frame: pl.DataFrame) -> pl.DataFrame:
    """Spans by their start; one may lie in several places: where it lies first it is cited from."""
    if frame["span_id"].n_unique() < frame.height:  # the cheaper question first: there is no double
        frame = frame.unique(list(IDS), keep="first", maintain_order=True)
    return check_spans(in_order(frame))


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows by their time."""
    return frame.sort("ts_ns", maintain_order=True)


def is_marked(groups: Marks, document: Document, told: Told) -> bool:
    """Whether all fields of any group are there; `!field` must not be, `field.` is any below it."""
    for group in groups:
        for name in group:
            if name[0] == "!":
                if name[1:] in told or name[1:] in document:
                    break
            elif name[-1] == ".":
                if not _has_below(told, name):
                    break
            elif name not in told and name not in document:
                break
        else:
            return True
    return False


def is_span(shape: Shape, document: Document, told: Told) -> bool:
    """Whether a document of this shape is a span, by its fields."""
    return is_marked(shape.span, document, told)


def is_log(shape: Shape, told: Told) -> bool:
    """Whether anything of it is what a log says."""
    return any(
        candidate.field in told or (candidate.tree and _has_below(told, candidate.tree))
        for column in ("body", "severity", "level", "stacktrace")
        for candidate in shape.logs.get(column, ())
    )


def _has_below(told: Told, prefix: str) -> bool:
    return any(key.startswith(prefix) for key in told)


def _usable(frame: pl.DataFrame, ids: tuple[str, ...], problems: Problems) -> pl.DataFrame:
    """The rows that have what a row must have; the others are counted by their reason."""
    known = pl.all_horizontal(pl.lit(value=True), *(pl.col(name).is_not_null() for name in ids))
    identified = frame.filter(known)
    timed = identified.drop_nulls("ts_ns")
    for reason, lost in (
        (NO_IDS, frame.height - identified.height),
        (NO_TIME, identified.height - timed.height),
    ):
        if lost:
            problems[reason] += lost
    return timed


def _spans(batch: Batch, of: Columns) -> Row:
    start = batch.first(of.get("ts", ()), columns.instant, pl.Int64())
    return {
        "ts_ns": start,
        "duration_ns": _duration(batch, of, start),
        **{name: _id(batch, of, name) for name in ("trace_id", "span_id", "parent_id")},
        "service": _text(batch, of, "service"),
        "operation": _text(batch, of, "operation"),
        "kind": batch.first(of.get("kind", ()), columns.kind, pl.String()),
        "status": _text(batch, of, "status").fill_null("unset"),
        "status_message": _text(batch, of, "status_message"),
        "http_status": batch.first(of.get("http_status", ()), columns.integer, pl.Int64()),
        **{name: _text(batch, of, name) for name in (*_PLACES, "container", "model")},
        "weight": batch.first(of.get("weight", ()), columns.count, pl.Float64()),
    }


def _logs(batch: Batch, of: Columns) -> Row:
    numbers = batch.first(of.get("severity", ()), columns.severity, pl.Int64())
    levels = batch.first(of.get("level", ()), columns.level, pl.Int64())
    return {
        "ts_ns": batch.first(of.get("ts", ()), columns.instant, pl.Int64()),
        "severity": numbers.zip_with(numbers.is_not_null(), levels),
        **{name: _text(batch, of, name) for name in ("body", "logger", "service")},
        **{name: _id(batch, of, name) for name in ("trace_id", "span_id")},
        **{name: _text(batch, of, name) for name in (*_PLACES, "exception_type", "stacktrace")},
    }


_PLACES = ("request_id", "pod", "node")


def _text(batch: Batch, of: Columns, name: str) -> pl.Series:
    return batch.first(of.get(name, ()), columns.text, pl.String())


def _id(batch: Batch, of: Columns, name: str) -> pl.Series:
    digits = 32 if name == "trace_id" else 16
    return batch.first(of.get(name, ()), columns.identity(digits), pl.String())


def _duration(batch: Batch, of: Columns, start: pl.Series) -> pl.Series:
    told = batch.first(of.get("duration", ()), columns.duration, pl.Int64())
    if not of.get("end"):
        return told
    end = batch.first(of["end"], columns.instant, pl.Int64())
    exact = (end - start).clip(0)  # a duration of its own may be rounded
    return exact.zip_with(exact.is_not_null(), told)
