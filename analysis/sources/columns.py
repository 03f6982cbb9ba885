"""The candidates of a column -> its values, for many documents of one shape at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl

from analysis.sources.attributes import to_json
from analysis.sources.flatten import Told
from analysis.sources.shape import NANOSECONDS, Candidate
from analysis.sources.values import LEVELS, ShapeError, nanoseconds, weight

LARGEST = 2**63 - 1
Read = Callable[[Candidate, list[Any]], pl.Series]
"""Makes a candidate's values the values of a column."""
PLAIN = Candidate()
EXPORTED = r"^[0-9]{1,12}[0-9]?(?:\.[0-9]{1,6})?$"
"""Milliseconds and, unpadded, the nanoseconds of that millisecond; later than 2286 is no time."""


class Batch:
    """Flat documents of one shape, and the names that any of them has."""

    def __init__(self, told: Sequence[Told]) -> None:
        self.told = told
        self.names: set[str] = set().union(*told)

    def raw(self, candidate: Candidate) -> list[Any] | None:
        """The values of one candidate; None where no document has any."""
        if candidate.tree is not None:
            return _trees(self.told, candidate.tree, self.names)
        if candidate.field not in self.names:
            return None
        name, when = candidate.field, candidate.when
        if when is not None:
            return plain([told.get(name) if told.get(when) else None for told in self.told])
        return plain([told.get(name) for told in self.told])

    def first(self, candidates: Iterable[Candidate], read: Read, kind: pl.DataType) -> pl.Series:
        """The first candidate that says something, document by document."""
        raw = ((candidate, self.raw(candidate)) for candidate in candidates)
        return first(raw, read, kind, len(self.told))


def first(
    told: Iterable[tuple[Candidate, list[Any] | None]], read: Read, kind: pl.DataType, count: int
) -> pl.Series:
    """Of candidates with their values, the first that says something, place by place."""
    found: pl.Series | None = None
    for candidate, raw in told:
        if raw is None:
            continue
        values = read(candidate, raw)
        found = values if found is None else found.zip_with(found.is_not_null(), values)
        if not found.null_count():
            break
    return pl.repeat(None, count, dtype=kind, eager=True) if found is None else found


def text(candidate: Candidate, raw: list[Any]) -> pl.Series:
    """What it says, as text; the empty text says nothing."""
    values = _texts(raw)
    if candidate.match is not None:
        pattern = re.compile(candidate.match)
        values = _mapped(values, lambda told: _group(pattern, told))
    if candidate.values or candidate.other is not None:
        words, other = candidate.values, candidate.other
        values = _mapped(values, lambda told: words.get(told.lower(), other))
    return values


def identity(digits: int) -> Callable[[Candidate, list[Any]], pl.Series]:
    """Ids as lower-case hex of full length: some writers strip zeros. All zeros is none."""

    def read(candidate: Candidate, raw: list[Any]) -> pl.Series:
        told = text(candidate, raw).str.to_lowercase()
        if (told.str.len_bytes() == digits).all():
            return _null_unless(told, told != "0" * digits)
        named = told.str.strip_chars("0").str.len_bytes() > 0
        return pl.select(pl.when(named).then(told.str.zfill(digits))).to_series()

    return read


def kind(candidate: Candidate, raw: list[Any]) -> pl.Series:
    """`SPAN_KIND_SERVER`, `Server` and `server` are one."""
    return text(candidate, raw).str.to_lowercase().str.strip_prefix("span_kind_")


def integer(candidate: Candidate, raw: list[Any]) -> pl.Series:
    """A whole number, also from its digits."""
    whole = _whole(raw)
    if whole is not None:
        return whole
    return text(candidate, raw).cast(pl.Int64, strict=False)


def count(candidate: Candidate, raw: list[Any]) -> pl.Series:
    """A number that can be a weight: finite and above 0."""
    if candidate.as_ == "sampling_weight":
        values = pl.Series([weight(told) for told in raw], dtype=pl.Float64)
    else:
        values = text(candidate, raw).cast(pl.Float64, strict=False)
    return _null_unless(values, (values > 0) & values.is_finite())


def severity(_: Candidate, raw: list[Any]) -> pl.Series:
    """OpenTelemetry's 1-24."""
    values = integer(PLAIN, raw)
    return _null_unless(values, values.is_between(1, 24))


def level(candidate: Candidate, raw: list[Any]) -> pl.Series:
    """A level's name as OpenTelemetry's number."""
    names = text(candidate, raw).str.to_uppercase().str.strip_chars()
    return names.replace_strict(LEVELS, default=None, return_dtype=pl.Int64)


def duration(candidate: Candidate, raw: list[Any]) -> pl.Series:
    """Nanoseconds, by the unit that the shape declares."""
    factor = NANOSECONDS[candidate.unit or "ns"]
    numbers = _whole(raw)
    told = _texts(raw) if numbers is None else numbers
    whole = told.cast(pl.Int64, strict=False)
    whole = _null_unless(whole, whole.is_between(0, LARGEST // factor)) * factor
    if whole.null_count() == told.null_count():
        return whole
    real = told.cast(pl.Float64, strict=False) * factor
    real = _null_unless(real, real.is_between(0, 2**62)).round()
    return whole.zip_with(whole.is_not_null(), real.cast(pl.Int64, strict=False))


def instant(candidate: Candidate, raw: list[Any]) -> pl.Series:
    """Nanoseconds since 1970, UTC."""
    if candidate.unit in NANOSECONDS:
        return duration(candidate, raw)
    exported = _exported(raw)
    if exported is not None:
        return exported
    return pl.Series([_instant(told) for told in raw], dtype=pl.Int64)


def _instant(told: Any) -> int | None:
    try:
        ns = nanoseconds(told)
    except ShapeError:
        return None
    return ns if 0 <= ns <= LARGEST else None


def _exported(raw: list[Any]) -> pl.Series | None:
    """Times as the Collector's exporter writes them; None unless all are."""
    try:
        told = pl.Series(raw, dtype=pl.String)
    except (TypeError, UnicodeEncodeError):  # no text, or half a surrogate pair
        return None
    if told.null_count() or not told.str.contains(EXPORTED).all():
        return None
    parts = told.str.split_exact(".", 1).struct.unnest().cast(pl.Int64)
    return parts["field_0"] * 1_000_000 + parts["field_1"].fill_null(0)


def plain(values: Sequence[Any]) -> list[Any]:
    """Values that one cell can hold: of a list the first, of an object nothing."""
    if {list, dict} & set(map(type, values)):
        return [_plain(value) for value in values]
    return list(values)


def _plain(value: Any) -> Any:
    if type(value) is list:  # headers come as lists
        return _plain(value[0]) if value else None
    return None if type(value) is dict else value


def _whole(raw: list[Any]) -> pl.Series | None:
    """Whole numbers as such; None where any value is something else."""
    if not set(map(type, raw)) <= {int, type(None)}:
        return None
    try:
        return pl.Series(raw, dtype=pl.Int64)
    except (OverflowError, TypeError):
        return None


def _texts(raw: list[Any]) -> pl.Series:
    try:
        told = pl.Series(raw, dtype=pl.String)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        told = pl.Series([_text(value) for value in raw], dtype=pl.String)
    return _null_unless(told, told != "")


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):  # a lone surrogate is no text
        return value.encode("utf-8", "replace").decode()
    return str(value).lower() if isinstance(value, bool) else str(value)


def _null_unless(values: pl.Series, kept: pl.Series) -> pl.Series:
    return values if kept.all(ignore_nulls=True) else values.set(~kept.fill_null(True), None)


def _mapped(values: pl.Series, change: Callable[[str], str | None]) -> pl.Series:
    return pl.Series(
        [None if told is None else change(told) for told in values.to_list()], dtype=pl.String
    )


def _group(pattern: re.Pattern[str], told: str) -> str | None:
    found = pattern.search(told)
    return found[1] if found else None


def _trees(told: Sequence[Told], prefix: str, names: set[str]) -> list[Any] | None:
    """The fields below a prefix as JSON of one object, as deep as their names are long."""
    below = sorted(name for name in names if name.startswith(prefix))
    return [_tree(one, prefix, below) for one in told] if below else None


def _tree(told: Told, prefix: str, names: list[str]) -> str | None:
    tree: dict[str, Any] = {}
    for name in (name for name in told if name in names):
        here = tree
        *path, leaf = name.removeprefix(prefix).split(".")
        for part in path:
            inner = here.setdefault(part, {})
            here = inner if isinstance(inner, dict) else here
        here[leaf] = told[name]
    return to_json(tree) if tree else None
