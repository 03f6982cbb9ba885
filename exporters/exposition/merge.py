"""One page over all workers: the living are added up, the dead are folded into one file."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.catalog.foreign import PROCESS_START
from exporters.catalog.stack import WORKERS, WORKERS_ENDED
from exporters.exposition.departed import DEPARTED, Departed, remove
from exporters.exposition.layout import BATCH, Layout
from exporters.exposition.pace import batches, pause
from exporters.exposition.shared import STARTED, is_alive, locked
from exporters.exposition.sums import Plan, Sums

if TYPE_CHECKING:
    from exporters.exposition.registry import Registry


class Merge:
    """Reads what the workers of one folder wrote; `view` holds their sums after `refresh`."""

    def __init__(self, folder: Path, view: Registry, sums: Sums) -> None:
        self._folder = folder
        self._sums = sums
        self.view = view
        self._layouts: dict[str, Layout] = {}
        self._plans: dict[str, Plan] = {}
        self._departed: tuple[object, Departed] | None = None

    def refresh(self) -> None:
        """Fold the dead, add up the living."""
        with locked(self._folder):
            departed = self._last_departed()
            living, dead = {}, []
            for path in sorted(self._folder.glob("*.values")):
                if path.stem in departed.folded:
                    remove(path)  # a fold that was cut short after it was written down
                elif is_alive(path):
                    living[path.stem] = self._read(path)
                else:
                    dead.append((path, *self._read(path)))
            if dead:
                departed.fold(dead)
                self._departed = (_version(self._folder / DEPARTED), departed)
            started = float((self._folder / STARTED).read_text())
        self._sums.clear()
        self._add(DEPARTED, *departed.read())
        for worker, (layout, values) in living.items():
            self._add(worker, layout, values)
        for path, *_ in dead:
            self._layouts.pop(path.stem, None)
            self._plans.pop(path.stem, None)
        self.view.gauge(WORKERS).set(len(living))
        self.view.counter(WORKERS_ENDED).set_total(len(departed.folded) + departed.forgotten)
        self.view.gauge(PROCESS_START).set(started)

    def _last_departed(self) -> Departed:
        version = _version(self._folder / DEPARTED)
        if self._departed is None or self._departed[0] != version:
            self._departed = (version, Departed(self._folder))
        return self._departed[1]

    def _read(self, path: Path) -> tuple[Layout, array[float]]:
        layout = self._layouts.setdefault(path.stem, Layout())
        layout.read_on(path.with_suffix(".keys"))  # first: each place it names is in the values
        values = array("d")
        values.frombytes(path.read_bytes())
        pause()
        return layout, values

    def _add(self, worker: str, layout: Layout, values: array[float]) -> None:
        plan = self._plans.setdefault(worker, Plan())
        for places in batches(layout.places[plan.places :], BATCH):
            for signal, labels, at, size in places:
                self.view.child(signal, labels)
                plan.learn(signal, at, size, self._sums.places[signal.name, labels])
        plan.add(values)
        pause()


def _version(path: Path) -> object:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns
