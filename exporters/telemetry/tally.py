"""What became of spans and logs, as metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from exporters.catalog.stack import (
    TELEMETRY_DROPPED,
    TELEMETRY_SAMPLED_OUT,
    TELEMETRY_SPOOLED,
    TELEMETRY_WRITTEN,
)
from exporters.exposition import Registry
from exporters.telemetry.document import Line

KINDS = ("span", "log")
REASONS = ("queue_full", "spool_full", "poison")


class Tally:
    """Counts in `registry`; every series is there from the start, at zero."""

    def __init__(self, registry: Registry) -> None:
        self._written = registry.counter(TELEMETRY_WRITTEN)
        self._dropped = registry.counter(TELEMETRY_DROPPED)
        self._spooled = registry.gauge(TELEMETRY_SPOOLED)
        self._sampled_out = registry.counter(TELEMETRY_SAMPLED_OUT)
        self._sampled_out.inc(0)
        for kind in KINDS:
            self._written.inc(0, kind)
            for reason in REASONS:
                self._dropped.inc(0, kind, reason)

    def written(self, lines: Iterable[Line]) -> None:
        """Count lines that the sink acknowledged."""
        for kind, count in Counter(line.kind for line in lines).items():
            self._written.inc(count, kind)

    def dropped(self, lines: Iterable[Line], reason: str) -> None:
        """Count lines that are lost."""
        for kind, count in Counter(line.kind for line in lines).items():
            self._dropped.inc(count, kind, reason)

    def drop(self, kind: str, reason: str, count: int = 1) -> None:
        """Count spans or logs that are lost before they became lines, or that nobody names."""
        self._dropped.inc(count, kind, reason)

    def sampled_out(self, count: int) -> None:
        """Count spans that sampling left out on purpose."""
        self._sampled_out.inc(count)

    def spooled(self, size: int) -> None:
        """State the bytes that wait on disk."""
        self._spooled.set(size)
