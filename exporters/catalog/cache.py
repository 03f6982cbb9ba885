"""Signals of caches in front of or inside a model, by tier."""

from __future__ import annotations

from exporters.catalog.buckets import TOKEN_SECONDS
from exporters.catalog.signal import Counter, Gauge, Histogram

TIERS = ("device", "host", "distributed")
"""GPU memory, memory or disk of the host, a service of its own."""
RESULTS = ("hit", "miss", "error")

CACHE_LOOKUPS = Counter(
    name="llm_cache_lookups",
    help="Look-ups by result; an error is answered without the cache.",
    labels=("tier", "result"),
    unit="requests",
)
CACHE_DURATION = Histogram(
    name="llm_cache_lookup_duration_seconds",
    help="Time of one look-up, whatever its result.",
    labels=("tier",),
    unit="seconds",
    buckets=TOKEN_SECONDS,
)
CACHE_SIZE = Gauge(name="llm_cache_size_bytes", help="Bytes held.", labels=("tier",), unit="bytes")

SIGNALS = (CACHE_LOOKUPS, CACHE_DURATION, CACHE_SIZE)
