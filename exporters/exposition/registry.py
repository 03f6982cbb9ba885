"""The values of one process, or of all workers of a service: families filled, rendered as text."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any, cast

from exporters.catalog.signal import Counter, Gauge, Histogram, Signal
from exporters.exposition.families import (
    BATCH,
    Cells,
    CounterFamily,
    Family,
    GaugeFamily,
    HistogramFamily,
    Margin,
    OwnMemory,
)
from exporters.exposition.merge import Merge
from exporters.exposition.pace import batches
from exporters.exposition.shared import SharedCells
from exporters.exposition.sums import Sums

MAX_CHILDREN = 1000
HIDDEN_TIMES = 10
"""A hidden histogram is the product of what is shown, and nobody has to store it."""

FAMILIES: dict[str, type[Family[Any, Any]]] = {
    "counter": CounterFamily,
    "gauge": GaugeFamily,
    "histogram": HistogramFamily,
}


class Registry:
    """Hands out one family per signal; safe to use from any thread.

    >>> registry = Registry()
    >>> registry.gauge(GPU_POWER).set(310.0, "0")
    >>> registry.counter(VERDICTS).labels("named").inc()
    >>> registry.histogram(UPSTREAM_DURATION).observe(0.02, "features", "ok")

    `max_children` caps the label sets of each family; past it, values go to `_other`. With a folder
    for `workers`, all processes that name it are one service: whichever is scraped shows the sum,
    the dead included; gauges add up, but for states, of which the largest shows. Exemplars are
    those of the worker that answers.
    """

    def __init__(
        self,
        *,
        max_children: int = MAX_CHILDREN,
        workers: Path | str | None = None,
        cells: Cells | None = None,
    ) -> None:
        self.lock = Lock()
        self._one_page = Lock()
        self._max_children = max_children
        self._cells = OwnMemory() if cells is None else cells
        self._families: dict[str, Family[Any, Any]] = {}
        self._hidden: set[str] = set()
        self._merge: Merge | None = None
        if workers is not None:
            self._share(Path(workers))

    def counter(self, signal: Counter) -> CounterFamily:
        return cast("CounterFamily", self._family(signal))

    def gauge(self, signal: Gauge) -> GaugeFamily:
        return cast("GaugeFamily", self._family(signal))

    def histogram(self, signal: Histogram) -> HistogramFamily:
        return cast("HistogramFamily", self._family(signal))

    def margin(self, signal: Histogram, *, of: Histogram, hidden: bool = False) -> None:
        """Show `signal` as the sum of the finer histogram `of` over the labels it does not have.

        With `hidden`, the finer one is written, and not shown.
        """
        finer = self.histogram(of)
        with self.lock:
            if hidden:
                self._hidden.add(of.name)
                finer.max_children = HIDDEN_TIMES * self._max_children
            self._families[signal.name] = Margin(signal, self.lock, finer)

    def families(self) -> list[Family[Any, Any]]:
        """All families, in the order of their registration."""
        return list(self._families.values())

    def child(self, signal: Signal, values: tuple[str, ...]) -> Any:
        """One label set of a signal of any type."""
        return self._family(signal).labels(*values)

    def collect_text(self) -> str:
        """Render every family that has series, in the order of their registration."""
        return "".join(self.parts())

    def collect_openmetrics(self) -> str:
        """Render the same families as OpenMetrics 1.0, with exemplars, without the final EOF."""
        return "".join(self.parts(openmetrics=True))

    def parts(self, *, openmetrics: bool = False) -> Iterator[str]:
        """Render the same in batches, between which an event loop gets its turn."""
        with self._one_page:  # the sums over workers and labels are in one place
            for family in self._shown():
                yield from family.parts(openmetrics=openmetrics)

    def _family(self, signal: Signal) -> Family[Any, Any]:
        family = self._families.get(signal.name)
        if family is None:
            made = FAMILIES[signal.type](signal, self.lock, self._max_children, self._cells)
            with self.lock:
                family = self._families.setdefault(signal.name, made)
        if family.signal is not signal and family.signal != signal:
            raise ValueError(
                f"{signal.name} is already registered with another definition; "
                "give each signal one name in the catalogue"
            )
        return family

    # ---- several workers

    def _share(self, folder: Path) -> None:
        self._cells = SharedCells(folder)
        sums = Sums()
        self._merge = Merge(folder, Registry(max_children=sys.maxsize, cells=sums), sums)
        this = weakref.ref(self)

        def begin_again() -> None:
            registry = this()
            if registry is not None:
                registry._begin_again()  # noqa: SLF001 - ours, but it must not keep us alive

        os.register_at_fork(after_in_child=begin_again)

    def _begin_again(self) -> None:
        """In a forked worker: point every label set at cells of this process's own, at zero."""
        self._one_page = Lock()
        cast("SharedCells", self._cells).begin_again()
        for family in self.families():
            if not isinstance(family, Margin):
                for values, child in family.children():
                    size = len(child.cell)
                    child.cell = self._cells.take(family.signal, values, size)

    def _shown(self) -> list[Family[Any, Any]]:
        if self._merge is None:
            return self._visible()
        view = self._merge.view
        for family in self.families():
            if isinstance(family, Margin):
                hidden = family.finer.signal.name in self._hidden
                view._show_margin(family, hidden=hidden)  # noqa: SLF001 - a registry, too
        self._merge.refresh()
        for family in self.families():
            if isinstance(family, HistogramFamily) and not isinstance(family, Margin):
                for children in batches(family.children(), BATCH):
                    for values, child in children:
                        view.child(family.signal, values).take_exemplars(child)
        for family in view.families():
            if isinstance(family, GaugeFamily):
                family.nan_is_absent = True
        return view._visible()  # noqa: SLF001 - a registry, too

    def _visible(self) -> list[Family[Any, Any]]:
        return [family for name, family in list(self._families.items()) if name not in self._hidden]

    def _show_margin(self, family: Margin, *, hidden: bool) -> None:
        if family.signal.name not in self._families:
            self.margin(family.signal, of=family.finer.signal, hidden=hidden)
        for values, _ in family.children():
            self.child(family.signal, values)
