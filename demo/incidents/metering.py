"""Counters and histograms as exporters keep them, and what a scraper saw of them."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Key(NamedTuple):
    """A series before labels are spelled out: which meter, of whom, which part."""

    meter: str
    owner: str = ""
    part: str = ""


class Histogram:
    """Counts per bucket, the last one open; sum and count."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Meters:
    """Everything the exporters count, with a snapshot for each scrape."""

    def __init__(self) -> None:
        self.counters: defaultdict[Key, float] = defaultdict(float)
        self.histograms: dict[Key, Histogram] = {}
        self.times: list[float] = []
        self._seen: list[dict[Key, float]] = []
        self._shapes: dict[Key, list[tuple[int, list[int], float]]] = {}
        self.gauges: dict[Key, list[tuple[int, float]]] = {}

    def add(self, meter: str, owner: str = "", part: str = "", amount: float = 1.0) -> None:
        """Count events, or seconds, or tokens."""
        self.counters[Key(meter, owner, part)] += amount

    def observe(self, bounds: tuple[float, ...], value: float, meter: str, owner: str = "") -> None:
        """Count a value of a distribution."""
        key = Key(meter, owner)
        known = self.histograms.get(key)
        if known is None:
            known = self.histograms[key] = Histogram(bounds)
            self._shapes[key] = []
        known.observe(value)

    def scrape(self, at: float) -> None:
        """Note every counter and histogram as it stands."""
        number = len(self.times)
        self.times.append(at)
        self._seen.append(dict(self.counters))
        for key, histogram in self.histograms.items():
            self._shapes[key].append((number, histogram.counts.copy(), histogram.total))

    def gauge(self, value: float, meter: str, owner: str = "", part: str = "") -> None:
        """Note a gauge for the scrape that is under way: call it before `scrape`."""
        self.gauges.setdefault(Key(meter, owner, part), []).append((len(self.times), value))

    def counter(self, key: Key) -> Floats:
        """The running total at each scrape; 0 before its first event."""
        return np.array([seen.get(key, 0.0) for seen in self._seen])

    def keys(self, meter: str) -> list[Key]:
        """All series of one meter, sorted."""
        every = {*self.counters, *self.histograms, *self.gauges}
        return sorted(key for key in every if key.meter == meter)

    def level(self, key: Key) -> Floats:
        """A gauge at each scrape, NaN where it was not shown."""
        values = np.full(len(self.times), np.nan)
        for number, value in self.gauges.get(key, ()):
            values[number] = value
        return values

    def shape(self, key: Key) -> tuple[Floats, Floats]:
        """Cumulative counts (scrapes, buckets) and sums (scrapes) of a histogram."""
        rows = self._shapes[key]
        width = len(self.histograms[key].counts)
        counts, sums = np.zeros((len(self.times), width)), np.zeros(len(self.times))
        for number, row, total in rows:
            counts[number], sums[number] = row, total
        return counts.cumsum(axis=1), sums
