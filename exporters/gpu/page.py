"""Readings as Prometheus text: rendered once per pass, joined at a scrape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import exporters.catalog.gpu as signals
from exporters.catalog.signal import Signal
from exporters.exposition.text import clean, header, sample_prefix
from exporters.gpu.snapshot import Labels, Readings, Series

Fragments = Mapping[str, str]
"""The sample lines of one device, by signal."""

OF_DEVICES: Final = tuple(
    signal for signal in signals.SIGNALS if signal.type != "histogram" and "gpu" in signal.labels
)
_HEADERS: Final = {signal.name: header(signal) for signal in OF_DEVICES}
_SIGNALS: Final = {signal.name: signal for signal in OF_DEVICES}


class DevicePage:
    """Writes one device's readings; the part of a line before its value is written once."""

    def __init__(self, gpu: str) -> None:
        self._gpu = gpu
        self._prefixes: dict[str, dict[Labels, str]] = {}
        self._last: dict[str, tuple[Series, str]] = {}

    def render(self, readings: Readings) -> Fragments:
        """Sample lines by signal."""
        return {name: self._lines(name, series) for name, series in readings.values.items()}

    def _lines(self, name: str, series: Series) -> str:
        last = self._last.get(name)
        if last is not None and last[0] == series:  # most values stay what they were
            return last[1]
        lines = self._rendered(name, series)
        self._last[name] = series, lines
        return lines

    def _rendered(self, name: str, series: Series) -> str:
        prefixes = self._prefixes.get(name)
        if prefixes is None or prefixes.keys() != series.keys():
            prefixes = self._prefixes[name] = self._written(name, series)
        return "".join([f"{prefixes[labels]}{value!r}\n" for labels, value in series.items()])

    def _written(self, name: str, series: Iterable[Labels]) -> dict[Labels, str]:
        signal = _SIGNALS[name]
        suffix = "_total" if signal.type == "counter" else ""
        return {
            labels: sample_prefix(signal, suffix, (self._gpu, *map(clean, labels)))
            for labels in series
        }


def join(devices: Iterable[Fragments]) -> str:
    """One page over several devices: each family once, in the order of the catalogue."""
    found = list(devices)
    parts = []
    for name, head in _HEADERS.items():
        lines = [fragments[name] for fragments in found if name in fragments]
        if lines:
            parts += [head, *lines]
    return "".join(parts)


def family(signal: Signal, samples: Mapping[Labels, float]) -> str:
    """One family whose label values are all given."""
    suffix = "_total" if signal.type == "counter" else ""
    lines = [
        f"{sample_prefix(signal, suffix, labels)}{value!r}\n" for labels, value in samples.items()
    ]
    return "".join([header(signal), *lines]) if samples else ""
