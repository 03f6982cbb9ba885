"""Metric families: label sets found or made, capped, removed, rendered."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from threading import Lock
from typing import Generic, TypeVar

from exporters.catalog.signal import Counter, Gauge, Histogram, Signal
from exporters.exposition import text
from exporters.exposition.storage import CounterChild, GaugeChild, HistogramChild

OTHER = "_other"
"""Stands for every label set past the cap."""

BATCH = 500
"""Label sets rendered in one go."""


SignalT = TypeVar("SignalT", bound=Signal)
ChildT = TypeVar("ChildT")


class Family(Generic[SignalT, ChildT]):
    """One signal and its label sets, at most `max_children` of them and `_other`."""

    def __init__(
        self,
        signal: SignalT,
        make: Callable[[SignalT, tuple[str, ...], Lock], ChildT],
        lock: Lock,
        max_children: int,
    ) -> None:
        self.signal = signal
        self._make = make
        self._lock = lock
        self._max_children = max_children
        self._header = text.header(signal)
        self._children: dict[tuple[str, ...], ChildT] = {}
        if not signal.labels and signal.type != "gauge":
            self.labels()  # nothing happened yet is zero; a gauge nobody set is not there

    def labels(self, *values: object) -> ChildT:
        """The label set with these values, in the order of the catalogue; keep it if you can.

        Raises ValueError when their number is not that of the signal's labels.
        """
        found = self._children.get(values)  # type: ignore[arg-type]  # a miss is the slow path
        return self._find_or_make(values) if found is None else found

    def remove(self, *values: object) -> None:
        """End the series of one label set."""
        with self._lock:
            self._children.pop(tuple(map(text.clean, values)), None)

    def clear(self) -> None:
        """End every series of the family."""
        with self._lock:
            self._children = {}

    def render(self) -> str:
        """Write the family as text, or nothing while it has no series."""
        children = list(self._children.values())
        parts = [self._header] if children else []
        for start in range(0, len(children), BATCH):
            if start:
                time.sleep(0)  # let go of the GIL: a large page must not hold up the event loop
            parts.append(self._samples(children[start : start + BATCH]))
        return "".join(parts)

    def _samples(self, children: list[ChildT]) -> str:
        raise NotImplementedError

    def _find_or_make(self, values: tuple[object, ...]) -> ChildT:
        self._check(values)
        key = tuple(map(text.clean, values))
        with self._lock:
            if key not in self._children and len(self._children) >= self._max_children:
                key = (OTHER,) * len(key)
            child = self._children.get(key)
            if child is None:
                child = self._children[key] = self._make(self.signal, key, self._lock)
            return child

    def _check(self, values: tuple[object, ...]) -> None:
        names = self.signal.labels
        if len(values) != len(names):
            raise ValueError(
                f"{self.signal.name} takes {len(names)} label values "
                f"({', '.join(names) or 'none'}), got {values!r}"
            )


class CounterFamily(Family[Counter, CounterChild]):
    """Running totals."""

    def inc(self, amount: float = 1.0, *values: object) -> None:
        self.labels(*values).inc(amount)

    def set_total(self, value: float, *values: object) -> None:
        """Take over a total that someone else counts."""
        self.labels(*values).set_total(value)

    def _samples(self, children: list[CounterChild]) -> str:
        return _value_lines(children)


class GaugeFamily(Family[Gauge, GaugeChild]):
    """Values that go up and down."""

    def set(self, value: float, *values: object) -> None:
        self.labels(*values).set(value)

    def inc(self, amount: float = 1.0, *values: object) -> None:
        self.labels(*values).inc(amount)

    def dec(self, amount: float = 1.0, *values: object) -> None:
        self.labels(*values).dec(amount)

    def replace(self, series: Mapping[tuple[str, ...], float]) -> None:
        """Make these the family's only series, in one step: no scrape sees half of them."""
        children: dict[tuple[str, ...], GaugeChild] = {}
        for values, value in list(series.items())[: self._max_children]:
            self._check(values)
            key = tuple(map(text.clean, values))
            children[key] = child = self._make(self.signal, key, self._lock)
            child.set(value)
        with self._lock:
            self._children = children

    def _samples(self, children: list[GaugeChild]) -> str:
        return _value_lines(children)


class HistogramFamily(Family[Histogram, HistogramChild]):
    """Distributions over fixed buckets."""

    def observe(self, value: float, *values: object) -> None:
        self.labels(*values).observe(value)

    def _samples(self, children: list[HistogramChild]) -> str:
        lines = "".join([child.render() for child in children])
        return _spelled(lines, [child.sum for child in children])


def _value_lines(children: Sequence[CounterChild | GaugeChild]) -> str:
    values = [child.value for child in children]
    pairs = zip(children, values, strict=True)
    return _spelled("".join([f"{child.prefix}{value!r}\n" for child, value in pairs]), values)


def _spelled(lines: str, values: list[float]) -> str:
    return lines if isfinite(sum(values)) else text.spell_specials(lines)
