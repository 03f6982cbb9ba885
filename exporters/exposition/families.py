"""Metric families: label sets found or made, capped, removed, rendered."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite, isnan
from threading import Lock
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from exporters.catalog.signal import Counter, Gauge, Histogram, Signal
from exporters.exposition import text
from exporters.exposition.pace import batches
from exporters.exposition.storage import Cell, CounterChild, GaugeChild, HistogramChild

OTHER = "_other"
"""Stands for every label set past the cap."""

BATCH = 1000
"""Samples rendered, or summed, in one go: half a millisecond or so."""

SignalT = TypeVar("SignalT", bound=Signal)
ChildT = TypeVar("ChildT", bound="CounterChild | GaugeChild | HistogramChild")


class Cells(Protocol):
    """Where the values of label sets are kept."""

    def take(self, signal: Signal, values: tuple[str, ...], size: int) -> Cell:
        """The `size` floats of one label set; the same ones where it was there before."""

    def give_back(self, signal: Signal, values: tuple[str, ...]) -> None:
        """The series has ended."""


class OwnMemory:
    """Cells of this process alone."""

    def take(self, signal: Signal, values: tuple[str, ...], size: int) -> Cell:
        return [0.0] * size

    def give_back(self, signal: Signal, values: tuple[str, ...]) -> None:
        """Python frees them."""


class Family(Generic[SignalT, ChildT]):
    """One signal and its label sets, at most `max_children` of them and `_other`."""

    child: Callable[[Any, tuple[str, ...], Lock, Cell], ChildT]
    per_batch: ClassVar[int] = BATCH

    def __init__(self, signal: SignalT, lock: Lock, max_children: int, cells: Cells) -> None:
        self.signal = signal
        self._lock = lock
        self._cells = cells
        self.max_children = max_children
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
        key = tuple(map(text.clean, values))
        with self._lock:
            if self._children.pop(key, None) is not None:
                self._cells.give_back(self.signal, key)

    def clear(self) -> None:
        """End every series of the family."""
        with self._lock:
            for key in self._children:
                self._cells.give_back(self.signal, key)
            self._children = {}

    def children(self) -> list[tuple[tuple[str, ...], ChildT]]:
        """Every label set and where its values are."""
        with self._lock:
            return list(self._children.items())

    def parts(self, *, openmetrics: bool = False) -> Iterator[str]:
        """Write the family batch by batch, or nothing while it has no series.

        Between two batches the event loop gets its turn; joining a long page would hold it up.
        """
        is_headed = False
        for batch in batches(list(self._children.values()), self.per_batch):
            children = self._present(batch)
            if children and not is_headed:
                is_headed = True
                yield text.openmetrics(self._header) if openmetrics else self._header
            yield self._samples(children, openmetrics=openmetrics)

    def _present(self, children: Sequence[ChildT]) -> Sequence[ChildT]:
        return children

    def _samples(self, children: Sequence[ChildT], *, openmetrics: bool) -> str:
        raise NotImplementedError

    def _make(self, key: tuple[str, ...]) -> ChildT:
        return self.child(self.signal, key, self._lock, self._cells.take(self.signal, key, 1))

    def _find_or_make(self, values: tuple[object, ...]) -> ChildT:
        self._check(values)
        key = tuple(map(text.clean, values))
        with self._lock:
            if key not in self._children and len(self._children) >= self.max_children:
                key = (OTHER,) * len(key)
            child = self._children.get(key)
            if child is None:
                child = self._children[key] = self._make(key)
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

    child = CounterChild

    def inc(self, amount: float = 1.0, *values: object) -> None:
        self.labels(*values).inc(amount)

    def set_total(self, value: float, *values: object) -> None:
        """Take over a total that someone else counts."""
        self.labels(*values).set_total(value)

    def _samples(self, children: Sequence[CounterChild], *, openmetrics: bool) -> str:
        return _value_lines(children)


class GaugeFamily(Family[Gauge, GaugeChild]):
    """Values that go up and down."""

    child = GaugeChild
    nan_is_absent = False

    def set(self, value: float, *values: object) -> None:
        self.labels(*values).set(value)

    def inc(self, amount: float = 1.0, *values: object) -> None:
        self.labels(*values).inc(amount)

    def dec(self, amount: float = 1.0, *values: object) -> None:
        self.labels(*values).dec(amount)

    def replace(self, series: Mapping[tuple[str, ...], float]) -> None:
        """Make these the family's only series, in one step: no scrape sees half of them."""
        children: dict[tuple[str, ...], GaugeChild] = {}
        for values, value in list(series.items())[: self.max_children]:
            self._check(values)
            key = tuple(map(text.clean, values))
            children[key] = child = self._make(key)
            child.set(value)
        with self._lock:
            for key in self._children.keys() - children.keys():
                self._cells.give_back(self.signal, key)
            self._children = children

    def _present(self, children: Sequence[GaugeChild]) -> Sequence[GaugeChild]:
        if not self.nan_is_absent:
            return children
        return [child for child in children if not isnan(child.value)]

    def _samples(self, children: Sequence[GaugeChild], *, openmetrics: bool) -> str:
        return _value_lines(children)


class HistogramFamily(Family[Histogram, HistogramChild]):
    """Distributions over fixed buckets."""

    child = HistogramChild
    per_batch = BATCH // 20

    def observe(self, value: float, *values: object) -> None:
        self.labels(*values).observe(value)

    def _samples(self, children: Sequence[HistogramChild], *, openmetrics: bool) -> str:
        if openmetrics:
            lines = "".join([child.render_openmetrics() for child in children])
        else:
            lines = "".join([child.render() for child in children])
        return _spelled(lines, [child.sum for child in children])

    def _make(self, key: tuple[str, ...]) -> HistogramChild:
        size = len(self.signal.buckets) + 2
        cell = self._cells.take(self.signal, key, size)
        return HistogramChild(self.signal, key, self._lock, cell)


class Margin(HistogramFamily):
    """A histogram that is the sum of a finer one over some of its labels: nobody writes it.

    It has the finer one's buckets, and labels that the finer one has, too.
    """

    def __init__(self, signal: Histogram, lock: Lock, finer: HistogramFamily) -> None:
        super().__init__(signal, lock, max_children=sys.maxsize, cells=OwnMemory())
        names = finer.signal.labels
        self._kept = tuple(names.index(label) for label in signal.labels)
        self.finer = finer

    def parts(self, *, openmetrics: bool = False) -> Iterator[str]:
        """Sum the finer family up, and write it."""
        summands: dict[tuple[str, ...], list[HistogramChild]] = {}
        for batch in batches(self.finer.children(), BATCH):
            for values, child in batch:
                summands.setdefault(tuple(values[at] for at in self._kept), []).append(child)
        for sums in batches(list(summands.items()), self.per_batch):
            for values, children in sums:
                self.labels(*values).become_sum(children)
        yield from super().parts(openmetrics=openmetrics)


def _value_lines(children: Sequence[CounterChild | GaugeChild]) -> str:
    values = [child.value for child in children]
    pairs = zip(children, values, strict=True)
    return _spelled("".join([f"{child.prefix}{value!r}\n" for child, value in pairs]), values)


def _spelled(lines: str, values: list[float]) -> str:
    return lines if isfinite(sum(values)) else text.spell_specials(lines)
