"""The series of one model, found once and written directly."""

from __future__ import annotations

from dataclasses import dataclass

from exporters.catalog import requests as signals
from exporters.exposition.registry import Registry
from exporters.exposition.storage import CounterChild, HistogramChild

EXPECTED_ENDINGS = (
    ("ok", "200"), ("rejected", "429"), ("rejected", "503"), ("error", "500"), ("error", "502"),
    ("failed_midstream", "200"), ("client_gone", "200"), ("client_gone", "none"),
    ("timeout", "504"),
)  # fmt: skip
"""There from the start at zero, so that rate() sees the first one."""


@dataclass(slots=True)
class Timings:
    """How long the requests of one model and priority took."""

    duration: HistogramChild
    first_token: HistogramChild


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
        self.endings: dict[tuple[str, int | str], CounterChild] = {}
        self.timings: dict[str | None, Timings] = {}

    def ending(self, outcome: str, status: int | str) -> CounterChild:
        child = self._registry.counter(signals.REQUESTS).labels(self._model, outcome, str(status))
        self.endings[outcome, status] = child
        return child

    def timing(self, given: str | None, priority: str) -> Timings:
        """The timings of `priority`, remembered under the name the app gave if that is known."""
        timings = Timings(
            self._registry.histogram(signals.REQUEST_DURATION).labels(self._model, priority),
            self._registry.histogram(signals.TIME_TO_FIRST_TOKEN).labels(self._model, priority),
        )
        if given in {None, priority}:
            self.timings[given] = timings
        return timings

    def rejected(self, reason: str) -> CounterChild:
        return self._registry.counter(signals.REQUESTS_REJECTED).labels(self._model, reason)

    def start_at_zero(self, priorities: tuple[str, ...], reasons: tuple[str, ...]) -> None:
        """Make the series that a healthy service will never touch but every alert will read."""
        for outcome, status in EXPECTED_ENDINGS:
            self.ending(outcome, status)
        for priority in priorities:
            self.timing(priority, priority)
        for reason in reasons:
            self.rejected(reason)
