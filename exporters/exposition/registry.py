"""The values of one process: families filled from catalogue signals, rendered as text."""

from __future__ import annotations

from threading import Lock
from typing import Any, cast

from exporters.catalog.signal import Counter, Gauge, Histogram, Signal
from exporters.exposition.families import (
    Cells,
    CounterFamily,
    Family,
    GaugeFamily,
    HistogramFamily,
    Margin,
    OwnMemory,
)

MAX_CHILDREN = 1000


class Registry:
    """Hands out one family per signal; safe to use from any thread.

    >>> registry = Registry()
    >>> registry.gauge(GPU_POWER).set(310.0, "0")
    >>> registry.counter(VERDICTS).labels("named").inc()
    >>> registry.histogram(UPSTREAM_DURATION).observe(0.02, "features", "ok")

    `max_children` caps the label sets of each family; past it, values go to `_other`.
    """

    def __init__(self, *, max_children: int = MAX_CHILDREN, cells: Cells | None = None) -> None:
        self.lock = Lock()
        self._max_children = max_children
        self._cells = OwnMemory() if cells is None else cells
        self._families: dict[str, Family[Any, Any]] = {}

    def counter(self, signal: Counter) -> CounterFamily:
        return cast("CounterFamily", self._family(signal, CounterFamily))

    def gauge(self, signal: Gauge) -> GaugeFamily:
        return cast("GaugeFamily", self._family(signal, GaugeFamily))

    def histogram(self, signal: Histogram) -> HistogramFamily:
        return cast("HistogramFamily", self._family(signal, HistogramFamily))

    def margin(self, signal: Histogram, *, of: Histogram) -> None:
        """Show `signal` as the sum of the finer histogram `of` over the labels it does not have."""
        finer = self.histogram(of)
        with self.lock:
            self._families[signal.name] = Margin(signal, self.lock, finer)

    def collect_text(self) -> str:
        """Render every family that has series, in the order of their registration."""
        return "".join([family.render() for family in list(self._families.values())])

    def collect_openmetrics(self) -> str:
        """Render the same families as OpenMetrics 1.0, with exemplars, without the final EOF."""
        families = list(self._families.values())
        return "".join([family.render(openmetrics=True) for family in families])

    def _family(self, signal: Signal, kind: type[Family[Any, Any]]) -> Family[Any, Any]:
        family = self._families.get(signal.name)
        if family is None:
            made = kind(signal, self.lock, self._max_children, self._cells)
            with self.lock:
                family = self._families.setdefault(signal.name, made)
        if family.signal != signal:
            raise ValueError(
                f"{signal.name} is already registered with another definition; "
                "give each signal one name in the catalogue"
            )
        return family
