"""A shape: one declarative file that says where a writer's documents keep what.

The files in `fields/` are those that come along; a config names further ones. Each canonical
column has candidates, tried in order; a candidate is a field's name, or a table of

- `field`, with `unit` (date, ns, us, ms, s) for times and durations, `values` (a closed mapping of
  the field's words, in lower case) and `other` (for what `values` does not name), `match` (a
  regular expression whose first group counts), `as = "sampling_weight"`, or `when` (another field
  that must be there, too);
- `tree`: the object under that prefix, as JSON;
- `known`: names in common use of a request's id or a model, each `under` that prefix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from analysis.frames import LOG_SCHEMA, SPAN_SCHEMA
from analysis.sources.values import MODELS, REQUEST_IDS
from exporters.settings import Section, load

Marks = tuple[tuple[str, ...], ...]
"""Groups of fields: any group will do, all of its fields are needed; `!field` must be absent,
`field.` is any below it."""

Unit = Literal["date", "ns", "us", "ms", "s"]
NANOSECONDS: Mapping[str, int] = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
KNOWN: Mapping[str, tuple[str, ...]] = {"request_id": REQUEST_IDS, "model": MODELS}
FOLDER = Path(__file__).with_name("fields")
ORDER = ("jaeger", "zipkin", "raw", "beats", "otel", "apm", "ecs", "logstash", "json")
"""The most telling marks first: a shipper's documents hold an application's own fields, too."""


class Candidate(Section):
    """One place where a column's value may lie."""

    field: str = ""
    unit: Unit | None = None
    values: Mapping[str, str] = Field(default_factory=dict)
    other: str | None = None
    match: str | None = None
    as_: Literal["sampling_weight"] | None = Field(None, alias="as")
    when: str | None = None
    tree: str | None = None


class ListRule(Section):
    """How a list of objects becomes fields; without a rule its first object counts."""

    key: str | None = None
    value: str = "value"
    to: str = ""
    by: str | None = None
    same: str | None = None


class KnownDots(Section):
    """Names whose dots a writer replaced: these get theirs back."""

    prefixes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class Attributes(Section):
    """Which fields are attributes, and what is kept of the resource."""

    under: tuple[str, ...] = ()
    except_: tuple[str, ...] = Field((), alias="except")
    as_is: tuple[str, ...] = ()
    renamed: Mapping[str, str] = Field(default_factory=dict)
    known_dots: KnownDots = KnownDots()
    dots: Mapping[str, str] = Field(default_factory=dict)
    error: str | None = None
    resource: str | None = None
    resource_fields: Mapping[str, str] = Field(default_factory=dict)


class Lost(Section):
    """Columns that this writer does not keep."""

    spans: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()


Columns = Mapping[str, tuple[Candidate, ...]]


class Shape(Section):
    """Where one writer keeps what."""

    name: str
    time: str
    marks: Marks
    span: Marks = ()
    ignored: Marks = ()
    lost: Lost = Lost()
    lists: Mapping[str, ListRule] = Field(default_factory=dict)
    attributes: Attributes = Attributes()
    spans: Columns = Field(default_factory=dict)
    logs: Columns = Field(default_factory=dict)

    @field_validator("spans", "logs", mode="before")
    @classmethod
    def _candidates(cls, told: Any) -> Any:
        if not isinstance(told, Mapping):
            return told
        return {column: tuple(_expanded(given)) for column, given in told.items()}

    @field_validator("spans")
    @classmethod
    def _span_columns(cls, told: Columns) -> Columns:
        return _only(told, {*SPAN_SCHEMA, "ts", "duration", "end"})

    @field_validator("logs")
    @classmethod
    def _log_columns(cls, told: Columns) -> Columns:
        return _only(told, {*LOG_SCHEMA, "ts", "level"})


def _expanded(given: Any) -> Iterable[Any]:
    for candidate in given if isinstance(given, list | tuple) else [given]:
        if isinstance(candidate, str):
            yield {"field": candidate}
        elif isinstance(candidate, Mapping) and candidate.get("known") in KNOWN:
            prefix = candidate.get("under", "")
            yield from ({"field": prefix + name} for name in KNOWN[candidate["known"]])
        else:
            yield candidate


def _only(told: Columns, allowed: set[str]) -> Columns:
    if unknown := sorted(set(told) - allowed):
        raise ValueError(f"no columns {unknown}; there are {sorted(allowed)}")
    return told


@cache
def read_shape(path: Path) -> Shape:
    """Read a shape's file; raises UsageError that names the file, the key and what is allowed."""
    return load(Shape, path, {})


def shapes(files: Iterable[Path] = ()) -> tuple[Shape, ...]:
    """The user's shapes, then ours, in the order in which they are tried; his stand for ours."""
    own = {shape.name: shape for shape in map(read_shape, files)}
    ours = (read_shape(FOLDER / f"{name}.toml") for name in ORDER if name not in own)
    return (*own.values(), *ours)
