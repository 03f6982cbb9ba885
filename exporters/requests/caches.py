"""What a cache does for its users: look-ups, their time, the bytes it holds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from exporters.catalog import cache as signals
from exporters.errors import UsageError
from exporters.exposition.registry import Registry


@dataclass
class Lookup:
    """One look-up under way; say so when it `hit`."""

    hit: bool = False


class CacheMetrics:
    """The llm_cache_* series of one tier; its counters are there before the first look-up."""

    def __init__(self, registry: Registry, tier: str) -> None:
        if tier not in signals.TIERS:
            raise UsageError(f"cache tier {tier!r}; allowed are {', '.join(signals.TIERS)}")
        self._tier = tier
        self._size = registry.gauge(signals.CACHE_SIZE)
        self._duration = registry.histogram(signals.CACHE_DURATION)
        self._lookups = registry.counter(signals.CACHE_LOOKUPS)
        for result in signals.RESULTS:
            self._lookups.inc(0.0, tier, result)

    @contextmanager
    def lookup(self) -> Iterator[Lookup]:
        """Measure one look-up: `with cache.lookup() as found: ... found.hit = True`.

        An exception inside counts as an error and goes on.
        """
        found, started, result = Lookup(), time.perf_counter(), "error"
        try:
            yield found
            result = "hit" if found.hit else "miss"
        finally:
            self._lookups.inc(1.0, self._tier, result)
            self._duration.observe(time.perf_counter() - started, self._tier)

    def size(self, held_bytes: float) -> None:
        """Say how many bytes the tier holds."""
        self._size.set(held_bytes, self._tier)
