"""Metrics as typed objects that hand out only the series they really have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

TARGET_LABELS = ("job", "instance", "service", "replica")
"""Labels that service discovery puts on every series of a target."""

Unit = Literal[
    "1", "seconds", "bytes", "ratio", "tokens", "watts", "joules", "celsius", "hertz",
    "requests", "requests/second", "tokens/second", "events/second",
    "flops/second", "bytes/second", "boolean", "timestamp",
]  # fmt: skip


class UnknownLabelError(ValueError):
    """A matcher names a label that the series does not carry."""


class UnknownBucketError(ValueError):
    """A bound was asked for that the exporter never writes."""


def format_bound(bound: float) -> str:
    """Write a bucket bound as Go and prometheus_client do: `1.0`, `1e+06`, `+Inf`."""
    if bound == float("inf"):
        return "+Inf"
    text = repr(float(bound))
    mantissa, _, fraction = text.partition(".")
    if len(mantissa) > 6 and "e" not in text:
        digits = (mantissa + fraction).rstrip("0")
        return f"{digits[0]}.{digits[1:] or '0'}".removesuffix(".0") + f"e+{len(mantissa) - 1:02d}"
    return text


class Selector(str):
    """A PromQL vector selector that still knows which labels its series carry."""

    __slots__ = ("labels", "matchers")
    labels: frozenset[str]
    matchers: tuple[str, ...]

    def __new__(cls, name: str, labels: frozenset[str], matchers: tuple[str, ...] = ()) -> Self:
        self = super().__new__(cls, f"{name}{{{','.join(matchers)}}}" if matchers else name)
        self.labels = labels
        self.matchers = matchers
        return self

    @property
    def series(self) -> str:
        """The series name without matchers."""
        return self.partition("{")[0]

    def where(self, **equal: str) -> Selector:
        """Narrow to series whose labels equal the given values."""
        return self._narrow("=", equal)

    def matching(self, **pattern: str) -> Selector:
        """Narrow to series whose labels match the given regular expressions."""
        return self._narrow("=~", pattern)

    def unlike(self, **pattern: str) -> Selector:
        """Narrow to series whose labels do not match the given regular expressions."""
        return self._narrow("!~", pattern)

    def _narrow(self, operator: str, wanted: dict[str, str]) -> Selector:
        unknown = sorted(set(wanted) - self.labels)
        if unknown:
            raise UnknownLabelError(
                f"{self.series} has no label {', '.join(map(repr, unknown))}; "
                f"it has {', '.join(sorted(self.labels))}"
            )
        added = tuple(f'{label}{operator}"{value}"' for label, value in wanted.items())
        return Selector(self.series, self.labels, self.matchers + added)


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One metric family: its full literal name, help, unit and labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    unit: Unit = "1"

    type: ClassVar[str]

    def _select(self, suffix: str = "", *extra: str) -> Selector:
        return Selector(self.name + suffix, frozenset((*self.labels, *extra, *TARGET_LABELS)))

    def selectors(self) -> Iterator[Selector]:
        """Yield every series name this family writes."""
        raise NotImplementedError

    def __format__(self, spec: str) -> str:
        raise TypeError(f"name the series you mean: {self.name} has no single series")


@dataclass(frozen=True, kw_only=True)
class Gauge(Signal):
    """A value that goes up and down."""

    type: ClassVar[str] = "gauge"

    @property
    def value(self) -> Selector:
        return self._select()

    def selectors(self) -> Iterator[Selector]:
        yield self.value


@dataclass(frozen=True, kw_only=True)
class Counter(Signal):
    """A running total; the name is written without `_total`."""

    type: ClassVar[str] = "counter"
    suffix: str = "_total"
    """What the series' name ends in; empty for the foreign counters that end in nothing."""

    @property
    def total(self) -> Selector:
        return self._select(self.suffix)

    def selectors(self) -> Iterator[Selector]:
        yield self.total


@dataclass(frozen=True, kw_only=True)
class Histogram(Signal):
    """A distribution over fixed buckets."""

    type: ClassVar[str] = "histogram"
    buckets: tuple[float, ...]

    @property
    def bucket(self) -> Selector:
        return self._select("_bucket", "le")

    @property
    def count(self) -> Selector:
        return self._select("_count")

    @property
    def sum(self) -> Selector:
        return self._select("_sum")

    def le(self, bound: float) -> Selector:
        """Select one bucket, refusing a bound the exporter never writes."""
        if bound not in (*self.buckets, float("inf")):
            raise UnknownBucketError(
                f"{self.name} has no bucket at {bound}; it has {', '.join(map(str, self.buckets))}"
            )
        return self.bucket.where(le=format_bound(bound))

    def selectors(self) -> Iterator[Selector]:
        yield from (self.bucket, self.count, self.sum)


@dataclass(frozen=True, kw_only=True)
class Recorded(Signal):
    """A series that a recording rule writes: exactly the labels it is aggregated by."""

    type: ClassVar[str] = "recorded"

    @property
    def value(self) -> Selector:
        return Selector(self.name, frozenset(self.labels))

    def selectors(self) -> Iterator[Selector]:
        yield self.value
