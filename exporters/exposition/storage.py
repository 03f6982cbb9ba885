"""Where values live: one small object per label set, written under the registry's lock.

Readers take no lock: every value is replaced by one store, and a histogram's count is the sum of
its buckets, so that a scrape in the middle of an observation still sees a whole histogram.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from threading import Lock

from exporters.catalog.signal import Histogram, Signal
from exporters.exposition import text


class CounterChild:
    """A running total for one set of label values."""

    __slots__ = ("_lock", "prefix", "value")

    def __init__(self, signal: Signal, values: Sequence[str], lock: Lock) -> None:
        self._lock = lock
        self.prefix = text.sample_prefix(signal, "_total", values)
        self.value = 0.0

    def inc(self, amount: float = 1.0) -> None:
        """Add `amount`; raises ValueError when it is negative."""
        if amount < 0:
            raise ValueError(f"{self.prefix}: a counter cannot go down (got {amount})")
        with self._lock:
            self.value += float(amount)

    def set_total(self, value: float) -> None:
        """Take over a total that someone else counts (a driver, a kernel)."""
        self.value = float(value)


class GaugeChild:
    """A value that goes up and down, for one set of label values."""

    __slots__ = ("_lock", "prefix", "value")

    def __init__(self, signal: Signal, values: Sequence[str], lock: Lock) -> None:
        self._lock = lock
        self.prefix = text.sample_prefix(signal, "", values)
        self.value = 0.0

    def set(self, value: float) -> None:
        self.value = float(value)

    def inc(self, amount: float = 1.0) -> None:
        with self._lock:
            self.value += float(amount)

    def dec(self, amount: float = 1.0) -> None:
        self.inc(-amount)


class HistogramChild:
    """Counts per bucket and their sum, for one set of label values."""

    __slots__ = ("_lock", "_template", "bounds", "counts", "sum")

    def __init__(self, signal: Histogram, values: Sequence[str], lock: Lock) -> None:
        self._lock = lock
        self._template = text.histogram_template(signal, signal.buckets, values)
        self.bounds = signal.buckets
        self.counts = [0] * (len(signal.buckets) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value; NaN says that nothing was measured and is left out."""
        if value != value:  # noqa: PLR0124 - only NaN differs from itself; math.isnan costs a call
            return
        with self._lock:
            self.counts[bisect_left(self.bounds, value)] += 1
            self.sum += float(value)

    def render(self) -> str:
        """Write the sample lines: cumulative counts, sum, count."""
        running = tuple(accumulate(self.counts))
        return self._template % (*running, self.sum, running[-1])
