"""Every metric this stack writes or reads, every kind of cause, every dashboard: defined once.

Add a signal in the module of its room, and only there. Exporters fill it, queries name it, and
one test holds every query of the project against it.
"""

from __future__ import annotations

from exporters.catalog import (
    bridge,
    cache,
    canary,
    clients,
    engine,
    engines,
    forecast,
    foreign,
    goodput,
    gpu,
    host,
    levels,
    neutral,
    probe,
    requests,
    stack,
)
from exporters.catalog.signal import Counter, Gauge, Histogram, Recorded, Selector, Signal

ROOMS: dict[str, tuple[Signal, ...]] = {
    "requests": requests.SIGNALS,
    "goodput": goodput.SIGNALS,
    "clients": clients.SIGNALS,
    "cache": cache.SIGNALS,
    "engine": engine.SIGNALS,
    "gpu": gpu.SIGNALS,
    "host": host.SIGNALS,
    "probe": probe.SIGNALS,
    "canary": canary.SIGNALS,
    "stack": stack.SIGNALS,
    "bridge": bridge.SIGNALS,
    "levels": levels.SIGNALS,
    "forecast": forecast.SIGNALS,
    "foreign": foreign.SIGNALS,
    "engines": engines.SIGNALS,
    "neutral": neutral.SIGNALS,
}
"""All signals, by the module that defines them."""

__all__ = ["ROOMS", "Counter", "Gauge", "Histogram", "Recorded", "Selector", "Signal"]
