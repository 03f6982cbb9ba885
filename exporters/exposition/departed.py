"""What the workers counted that are no more, in one file."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from operator import add
from pathlib import Path
from typing import Any

from exporters.catalog.signal import Signal
from exporters.exposition.layout import Layout
from exporters.exposition.shared import described

DEPARTED = "departed.json"


class Departed:
    """What the workers counted that are no more."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / DEPARTED
        self._signals: dict[str, dict[str, Any]] = {}
        self._sums: dict[tuple[str, ...], list[float]] = {}
        self.folded: list[str] = []
        self.forgotten = 0
        self._laid_out: tuple[Layout, array[float]] | None = None
        if self._path.exists():
            told = json.loads(self._path.read_text())
            self._signals = {signal["name"]: signal for signal in told["signals"]}
            self._sums = {tuple(key): values for key, values in told["sums"]}
            self.folded, self.forgotten = told["folded"], told["forgotten"]

    def fold(self, dead: Iterable[tuple[Path, Layout, array[float]]]) -> None:
        """Take over the counts of dead workers; their gauges end with them."""
        gone = [name for name in self.folded if not self._path.with_name(f"{name}.values").exists()]
        self.forgotten += len(gone)
        self.folded = [name for name in self.folded if name not in gone]
        for path, layout, values in dead:
            for signal, labels, at, size in layout.places:
                if signal.type != "gauge":
                    self._take(signal, labels, values[at : at + size])
            self.folded.append(path.stem)
        self._laid_out = None
        self._write()  # one rename: whoever is cut short here or below counts nothing twice
        for path, _, _ in dead:
            remove(path)

    def read(self) -> tuple[Layout, array[float]]:
        """The sums, laid out as a worker's."""
        if self._laid_out is None:
            self._laid_out = self._lay_out()
        return self._laid_out

    def _lay_out(self) -> tuple[Layout, array[float]]:
        layout, values = Layout(), array("d")
        numbers: dict[str, int] = {}
        for signal in self._signals.values():
            numbers[signal["name"]] = len(numbers)
            layout.learn(signal)
        for (name, *labels), sums in self._sums.items():
            layout.learn([numbers[name], len(values), len(sums), *labels])
            values.extend(sums)
        return layout, values

    def _take(self, signal: Signal, labels: tuple[str, ...], values: array[float]) -> None:
        self._signals.setdefault(signal.name, described(signal))
        before = self._sums.get((signal.name, *labels), [0.0] * len(values))
        if len(before) == len(values):  # other buckets: an older version of the service
            self._sums[signal.name, *labels] = list(map(add, before, values))

    def _write(self) -> None:
        told = {
            "signals": list(self._signals.values()),
            "sums": [[list(key), values] for key, values in self._sums.items()],
            "folded": self.folded,
            "forgotten": self.forgotten,
        }
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(told))
        fresh.replace(self._path)


def remove(values: Path) -> None:
    """Take away a worker's files."""
    values.unlink(missing_ok=True)
    values.with_suffix(".keys").unlink(missing_ok=True)
