"""Forecasts as metrics: expected, upper, and the time until capacity is crossed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from analysis.forecast.config import ForecastSection
from analysis.forecast.crossing import seconds_until
from analysis.forecast.loads import Metrics, Told, tell
from analysis.sources.errors import SourceError
from exporters.catalog import forecast as catalog
from exporters.exposition import Registry, serve

log = logging.getLogger(__name__)

MISSED_TURNS: Final = 3
Labels = tuple[str, ...]


def publish(registry: Registry, told: Iterable[Told], section: ForecastSection) -> None:
    """Replace every forecast series; what is not known has none."""
    expected: dict[Labels, float] = {}
    upper: dict[Labels, float] = {}
    capacity: dict[Labels, float] = {}
    crossing: dict[Labels, float] = {}
    learnt: dict[Labels, float] = {}
    for one in told:
        who = (one.service, one.name)
        learnt[who] = float(one.forecast.too_little is None)
        if one.forecast.too_little:
            continue
        for hours in section.tell_hours:
            place = _place(one, hours)
            if place is not None:
                ahead = (*who, ahead_label(hours))
                expected[ahead] = float(one.forecast.expected[place])
                upper[ahead] = float(one.forecast.upper[: place + 1].max())
        if one.capacity is None:
            continue
        capacity[who] = one.capacity
        for bound in ("expected", "upper"):
            values = getattr(one.forecast, bound)
            seconds = seconds_until(one.forecast.times, values, one.capacity, one.now)
            if seconds is not None:
                crossing[*who, bound] = seconds
    registry.gauge(catalog.EXPECTED).replace(expected)
    registry.gauge(catalog.UPPER).replace(upper)
    registry.gauge(catalog.CAPACITY).replace(capacity)
    registry.gauge(catalog.CROSSING).replace(crossing)
    registry.gauge(catalog.LEARNT).replace(learnt)


def ahead_label(hours: float) -> str:
    """`15m`, `1h`, `24h`."""
    minutes = round(hours * 60)
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


def _place(one: Told, hours: float) -> int | None:
    """The step that far from now; None beyond the forecast's end."""
    times = one.forecast.times
    place = int(np.searchsorted(times, one.now + hours * 3600 - 1e-6))
    return place if place < len(times) else None


class Publisher:
    """Renews the metrics every `every_seconds`, in a thread of its own."""

    def __init__(self, metrics: Metrics, section: ForecastSection, registry: Registry) -> None:
        self._metrics = metrics
        self._section = section
        self._registry = registry
        self._stop = threading.Event()
        self._renewed = -float("inf")
        self._thread = threading.Thread(target=self._run, name="forecast", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End with the turn that is under way."""
        self._stop.set()
        self._thread.join(timeout=5)

    def is_fresh(self) -> bool:
        """Whether forecasts came of late."""
        patience = MISSED_TURNS * self._section.every_seconds
        return time.monotonic() - self._renewed < patience

    def turn(self) -> bool:
        """Renew once; False, and counted, where Prometheus does not answer."""
        began = time.perf_counter()
        try:
            told = tell(self._metrics, self._section)
        except SourceError as error:
            log.warning("no forecast this time: %s", error)
            self._registry.counter(catalog.ERRORS).inc()
            return False
        publish(self._registry, told, self._section)
        self._registry.gauge(catalog.MADE).set(time.time())
        self._registry.gauge(catalog.DURATION).set(time.perf_counter() - began)
        self._renewed = time.monotonic()
        return True

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.turn()
            except Exception:
                # One strange answer must not end all forecasts to come.
                log.exception("the forecast failed; trying again")
                self._registry.counter(catalog.ERRORS).inc()
            self._stop.wait(self._section.every_seconds)


def serve_forecasts(
    metrics: Metrics,
    section: ForecastSection,
    *,
    announce: Callable[[str], object] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Serve /metrics until SIGINT, SIGTERM or `stop`.

    Raises UsageError when the address cannot be bound.
    """
    registry = Registry()
    registry.counter(catalog.ERRORS).inc(0)
    publisher = Publisher(metrics, section, registry)
    publisher.start()
    try:
        serve(
            [registry],
            section.host,
            section.port,
            ready=publisher.is_fresh,
            announce=announce,
            stop=stop,
        )
    finally:
        publisher.stop()
