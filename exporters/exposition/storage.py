"""Where values live: one small object per label set over a cell of floats, written under a lock.

A cell is a list in this process's own memory, or a view into a file that several workers share
(`workers.py`). Readers take no lock: every float is replaced by one store, and a histogram's count
is the sum of its buckets, so that a scrape in the middle of an observation still sees it whole.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from threading import Lock

from exporters.catalog.signal import Histogram, Signal
from exporters.exposition import text

Cell = list[float]
"""Or anything else that is indexed like one."""


class CounterChild:
    """A running total for one set of label values."""

    __slots__ = ("_lock", "cell", "prefix")

    def __init__(self, signal: Signal, values: Sequence[str], lock: Lock, cell: Cell) -> None:
        self._lock = lock
        self.prefix = text.sample_prefix(signal, "_total", values)
        self.cell = cell

    @property
    def value(self) -> float:
        return self.cell[0]

    def inc(self, amount: float = 1.0) -> None:
        """Add `amount`; raises ValueError when it is negative."""
        if amount < 0:
            raise ValueError(f"{self.prefix}: a counter cannot go down (got {amount})")
        with self._lock:
            self.cell[0] += float(amount)

    def set_total(self, value: float) -> None:
        """Take over a total that someone else counts (a driver, a kernel)."""
        self.cell[0] = float(value)


class GaugeChild:
    """A value that goes up and down, for one set of label values."""

    __slots__ = ("_lock", "cell", "prefix")

    def __init__(self, signal: Signal, values: Sequence[str], lock: Lock, cell: Cell) -> None:
        self._lock = lock
        self.prefix = text.sample_prefix(signal, "", values)
        self.cell = cell

    @property
    def value(self) -> float:
        return self.cell[0]

    def set(self, value: float) -> None:
        self.cell[0] = float(value)

    def inc(self, amount: float = 1.0) -> None:
        with self._lock:
            self.cell[0] += float(amount)

    def dec(self, amount: float = 1.0) -> None:
        self.inc(-amount)


class HistogramChild:
    """Counts per bucket and, last in the cell, their sum, for one set of label values."""

    __slots__ = ("_exemplars", "_labels", "_lock", "_template", "bounds", "cell")

    def __init__(self, signal: Histogram, values: Sequence[str], lock: Lock, cell: Cell) -> None:
        self._lock = lock
        self._template = text.histogram_template(signal)
        self._labels = text.labels(signal.labels, values)
        self.bounds = signal.buckets
        self.cell = cell
        self._exemplars: dict[int, str] | None = None

    @property
    def sum(self) -> float:
        return self.cell[-1]

    def observe(self, value: float, trace_id: str | None = None) -> None:
        """Count one value; NaN says that nothing was measured and is left out.

        `trace_id` makes it its bucket's exemplar; only OpenMetrics carries those.
        """
        if value != value:  # noqa: PLR0124 - only NaN differs from itself; math.isnan costs a call
            return
        with self._lock:
            bucket = bisect_left(self.bounds, value)
            self.cell[bucket] += 1
            self.cell[-1] += float(value)
        if trace_id is not None:
            self.exemplify(bucket, value, trace_id)

    def exemplify(self, bucket: int, value: float, trace_id: str) -> None:
        """Keep a trace as the example of a bucket, in place of the one before."""
        if self._exemplars is None:
            self._exemplars = {}
        self._exemplars[bucket] = text.exemplar(trace_id, value, time.time())

    def take_exemplars(self, other: HistogramChild) -> None:
        """Show the exemplars of another histogram with the same bounds."""
        self._exemplars = other._exemplars

    def become_sum(self, others: Sequence[HistogramChild]) -> None:
        """Take over the sum of several histograms with the same bounds, and their exemplars."""
        self.cell = [sum(values) for values in zip(*(child.cell for child in others), strict=True)]
        told = [child._exemplars for child in others if child._exemplars]  # noqa: SLF001 - its own
        if told:
            self._exemplars = {bucket: text for one in told for bucket, text in list(one.items())}

    def render(self) -> str:
        """Write the sample lines: cumulative counts, sum, count."""
        *counts, total = self.cell
        running = tuple(accumulate(counts))
        return text.labelled(self._template % (*running, total, running[-1]), self._labels)

    def render_openmetrics(self) -> str:
        """Write the same lines, each bucket with its exemplar."""
        lines = self.render()
        if not self._exemplars:
            return lines
        split = lines.split("\n")
        for bucket, exemplar in list(self._exemplars.items()):
            split[bucket] += exemplar
        return "\n".join(split)
