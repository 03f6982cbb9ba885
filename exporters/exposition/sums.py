"""Cells side by side, into which the floats of several workers are added in long runs."""

from __future__ import annotations

import math
from array import array
from operator import add
from typing import TYPE_CHECKING, cast

from exporters.catalog.signal import Signal
from exporters.exposition.pace import batches, pause
from exporters.exposition.storage import Cell

if TYPE_CHECKING:
    Floats = memoryview[float]

STATES = frozenset({"boolean", "ratio", "timestamp", "seconds", "celsius"})
"""Units in which workers do not add up: the largest one is the service's."""

BATCH = 1000
"""Gauges added in one go."""

SEGMENT_FLOATS = 4096
RUN_COST = 10
"""Floats that could be added in the time that it takes to begin a run of them."""


class Sums:
    """Cells of the view side by side, so that a worker's floats are added in long runs."""

    def __init__(self) -> None:
        self._segments: list[Floats] = []
        self._used = 0
        self._gauges: list[tuple[Floats, int]] = []
        self.places: dict[tuple[str, tuple[str, ...]], tuple[Floats, int]] = {}

    def take(self, signal: Signal, values: tuple[str, ...], size: int) -> Cell:
        if not self._segments or self._used + size > SEGMENT_FLOATS:
            self._segments.append(_zeros())
            self._used = 0
        segment, start = self._segments[-1], self._used
        self._used += size
        self.places[signal.name, values] = segment, start
        if signal.type == "gauge":
            self._gauges.append((segment, start))
        return cast("Cell", segment[start : start + size])

    def give_back(self, signal: Signal, values: tuple[str, ...]) -> None:
        """Nobody ends a series of the view."""

    def clear(self) -> None:
        """Begin at zero, and gauges at nothing."""
        for segment in self._segments:
            segment[:] = _zeros()
        for segment, start in self._gauges:
            segment[start] = math.nan


class Plan:
    """Where one worker's floats go: counts in runs, gauges one by one."""

    def __init__(self) -> None:
        self.places = 0
        self.runs: list[tuple[Floats, int, int, int]] = []
        self.gauges: list[tuple[Floats, int, int, bool]] = []

    def learn(self, signal: Signal, at: int, size: int, place: tuple[Floats, int]) -> None:
        """Take in one label set, in the order in which the worker made them."""
        self.places += 1
        segment, start = place
        if signal.type == "gauge":
            self.gauges.append((segment, start, at, is_state(signal)))
            return
        if self.runs:
            last, its_start, its_at, its_size = self.runs[-1]
            if last is segment and (start - its_start, at - its_at) == (its_size, its_size):
                self.runs[-1] = (segment, its_start, its_at, its_size + size)
                return
        self.runs.append((segment, start, at, size))

    def add(self, values: array[float]) -> None:
        """Add the worker's floats to the sums."""
        done = 0
        for segment, start, at, size in self.runs:
            target = segment[start : start + size]
            target[:] = array("d", map(add, target, values[at : at + size]))
            done += size + RUN_COST
            if done > SEGMENT_FLOATS:
                done = 0
                pause()
        for gauges in batches(self.gauges, BATCH):
            for segment, start, at, is_a_state in gauges:
                _add_gauge(segment, start, values[at], is_a_state=is_a_state)


def is_state(signal: Signal) -> bool:
    """Whether the workers' gauges do not add up."""
    return signal.unit in STATES or signal.name.endswith("_info")


def _add_gauge(segment: Floats, at: int, value: float, *, is_a_state: bool) -> None:
    if math.isnan(value):
        return
    before = segment[at]
    if math.isnan(before):
        segment[at] = value
    else:
        segment[at] = max(before, value) if is_a_state else before + value


def _zeros() -> Floats:
    return memoryview(array("d", bytes(8 * SEGMENT_FLOATS))).cast("B").cast("d")
