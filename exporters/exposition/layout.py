"""Whose the floats in a worker's values file are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from exporters.catalog.signal import Counter, Gauge, Histogram, Signal
from exporters.exposition.pace import batches

BATCH = 200
"""Label sets taken in at one go: half a millisecond or so."""

KINDS = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}


class Layout:
    """Whose the floats of one worker are, read from its keys as they are written."""

    def __init__(self) -> None:
        self._signals: list[Signal] = []
        self._read = 0
        self.places: list[tuple[Signal, tuple[str, ...], int, int]] = []

    def read_on(self, keys: Path) -> None:
        """Read the lines that were added since."""
        with keys.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for lines in batches(whole.splitlines(), BATCH):
            for line in lines:
                self.learn(json.loads(line))

    def learn(self, told: Any) -> None:
        """Take in a signal, or the place of one of its label sets."""
        if isinstance(told, dict):
            self._signals.append(signal_of(told))
        else:
            family, at, size, *values = told
            self.places.append((self._signals[family], tuple(values), at, size))


def signal_of(told: dict[str, Any]) -> Signal:
    """A signal, out of what `described` made of it."""
    fields = {name: value for name, value in told.items() if name != "type"}
    for name in ("labels", "buckets"):
        if name in fields:
            fields[name] = tuple(fields[name])
    made: Signal = KINDS[told["type"]](**fields)
    return made
