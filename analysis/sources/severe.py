"""Of more logs than may be read: warnings and errors first, then even parts of the window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from analysis.sources.answers import Capability
from analysis.sources.shape import Shape
from analysis.sources.values import LEVELS

WARNING = 13
PARTS = 64
ROOM = 0.95
"""Parts of a window differ: a little less is asked for than there is room for."""
NUMBERS = {"byte", "short", "integer", "long", "unsigned_long"}
WORDS = {"keyword", "constant_keyword", "wildcard", "text", "match_only_text"}
NAMES = sorted(
    {
        spelt
        for name, number in LEVELS.items()
        if number >= WARNING
        for spelt in (name, name.lower(), name.capitalize())
    }
)

Query = dict[str, Any]


def fields(shapes: Iterable[Shape]) -> list[str]:
    """The fields that may say how severe a log is, and their parts that are keywords."""
    found = [
        candidate.field
        for shape in shapes
        for column in ("severity", "level")
        for candidate in shape.logs.get(column, ())
    ]
    return [*found, *(f"{name}.keyword" for name in found)]


def severe(names: Iterable[str], caps: Mapping[str, Mapping[str, Capability]]) -> Query | None:
    """Warnings and errors, by any of the fields; None where none of them is indexed."""
    told = [query for name in dict.fromkeys(names) for query in _of(name, set(caps.get(name, {})))]
    return {"bool": {"should": told}} if told else None


def _of(name: str, kinds: set[str]) -> Iterator[Query]:
    # A range of numbers over words, or words asked of a number, would be nonsense or an error.
    kinds = kinds - {"unmapped"}
    if kinds and kinds <= NUMBERS:
        yield {"range": {name: {"gte": WARNING}}}
    elif kinds and kinds <= WORDS:
        yield {"terms": {name: NAMES}}


def spread(dated: Iterable[str], start_ns: int, end_ns: int, share: float) -> Query:
    """A share of the window, in parts that lie evenly in it; in whole milliseconds."""
    start, end = start_ns // 10**6, -(-end_ns // 10**6)
    parts = max(1, min(PARTS, end - start))
    ranges = []
    for part in range(parts):
        at = start + (end - start) * part // parts
        until = at + max(1, int(((end - start) * (part + 1) // parts + start - at) * share))
        ranges += [_range(name, at, until) for name in dated]
    return {"bool": {"should": ranges}}


def _range(name: str, start_ms: int, end_ms: int) -> Query:
    return {"range": {name: {"gte": start_ms, "lt": end_ms, "format": "epoch_millis"}}}


def both(query: Query, *more: Query) -> Query:
    """What a query finds and further ones do, too."""
    return {"bool": {"filter": [query, *more]}}


def none_of(query: Query) -> Query:
    """What a query does not find."""
    return {"bool": {"must_not": [query]}}
