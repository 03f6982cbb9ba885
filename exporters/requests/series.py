"""The series of one model, found once and written directly."""

from __future__ import annotations

from dataclasses import dataclass

from exporters.catalog import requests as signals
from exporters.catalog.goodput import BOUND, REQUESTS_GOOD, Bounds
from exporters.catalog.signal import Histogram
from exporters.exposition.registry import Registry
from exporters.exposition.storage import CounterChild, HistogramChild

EXPECTED_ENDINGS = (
    ("ok", "200"), ("rejected", "429"), ("rejected", "503"), ("error", "500"), ("error", "502"),
    ("failed_midstream", "200"), ("client_gone", "200"), ("client_gone", "none"),
    ("timeout", "504"),
)  # fmt: skip
"""There from the start at zero, so that rate() sees the first one."""


DETAIL = Histogram(
    name="llm_request_detail_seconds",
    help="What the durations by priority, outcome and route are sums of; itself never shown.",
    labels=("model", "priority", "outcome", "route", "status"),
    unit="seconds",
    buckets=signals.REQUEST_DURATION.buckets,
)
"""One observation for each request; its margins are made when they are scraped."""

MARGINS = (signals.REQUEST_DURATION, signals.REQUEST_DURATION_BY_OUTCOME, signals.ROUTE_DURATION)


@dataclass(slots=True)
class Ending:
    """Where one kind of ending is counted: one of outcome, status, priority and route."""

    requests: CounterChild
    duration: HistogramChild


def show_bounds(registry: Registry, good: Bounds) -> Bounds:
    """Say what a good request keeps."""
    for bound, seconds in good._asdict().items():
        registry.gauge(BOUND).set(seconds, bound)
    return good


class ModelSeries:
    """Everything counted for one model; label sets are resolved once and kept."""

    def __init__(self, registry: Registry, model: str) -> None:
        self._registry = registry
        self._model = model
        self.started = registry.counter(signals.REQUESTS_STARTED).labels(model)
        self.resent = registry.counter(signals.REQUESTS_RESENT).labels(model)
        self.in_flight = registry.gauge(signals.REQUESTS_IN_FLIGHT).labels(model)
        self.gaps = registry.histogram(signals.INTER_TOKEN_LATENCY).labels(model)
        self.prompt_tokens = registry.counter(signals.PROMPT_TOKENS).labels(model)
        self.cached_tokens = registry.counter(signals.CACHED_TOKENS).labels(model)
        self.generated_tokens = registry.counter(signals.GENERATED_TOKENS).labels(model)
        self.prompt_length = registry.histogram(signals.PROMPT_LENGTH).labels(model)
        self.endings: dict[tuple[str, int | str, str | None, str | None], Ending] = {}
        self.first_tokens: dict[str | None, HistogramChild] = {}
        self.good = registry.counter(REQUESTS_GOOD).labels(model)
        self.is_cold = True

    def ending(self, outcome: str, status: str, priority: str, route: str) -> Ending:
        """Find or make the series that an ending is counted in."""
        registry, model = self._registry, self._model
        return Ending(
            registry.counter(signals.REQUESTS).labels(model, outcome, status),
            registry.histogram(DETAIL).labels(model, priority, outcome, route, status),
        )

    def first_token(self, given: str | None, priority: str) -> HistogramChild:
        """Of one priority, remembered under the name the app gave if that is known."""
        found = self._registry.histogram(signals.TIME_TO_FIRST_TOKEN).labels(self._model, priority)
        if given in {None, priority}:
            self.first_tokens[given] = found
        return found

    def rejected(self, reason: str) -> CounterChild:
        return self._registry.counter(signals.REQUESTS_REJECTED).labels(self._model, reason)

    def warm_up(self, status: int | str, seconds: float) -> None:
        """Keep how long the first good answer took; a 404 warms nothing."""
        if str(status) < "400":
            self.is_cold = False
            self._registry.gauge(signals.COLD_START).set(seconds, self._model)

    def start_at_zero(self, priorities: tuple[str, ...], reasons: tuple[str, ...]) -> None:
        """Make the series that a healthy service will never touch but every alert will read."""
        for outcome, status in EXPECTED_ENDINGS:
            self._registry.counter(signals.REQUESTS).labels(self._model, outcome, status)
        whole = self._registry.histogram(signals.REQUEST_DURATION)
        served = self._registry.histogram(signals.REQUEST_DURATION_BY_OUTCOME)
        for priority in priorities:
            self.first_token(priority, priority)
            whole.labels(self._model, priority)
            served.labels(self._model, priority, "ok")
        for reason in reasons:
            self.rejected(reason)
