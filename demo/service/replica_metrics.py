"""What one replica's engine shows of itself on /metrics."""

from __future__ import annotations

from demo.service.config import MODEL
from demo.service.engine import Engine, Sequence
from exporters.catalog import engine as signals
from exporters.requests import RequestMetrics


class ReplicaMetrics:
    """Told by the engine as it works; reads its gauges when it is scraped."""

    def __init__(self, requests: RequestMetrics, version: str, gpu_uuid: str) -> None:
        self._requests = requests
        self._registry = registry = requests.registry
        registry.gauge(signals.REPLICA_INFO).set(1, version, gpu_uuid)
        registry.counter(signals.PREEMPTIONS).labels(MODEL)
        self._steps = registry.histogram(signals.STEP_DURATION)
        self._phases = registry.histogram(signals.PHASE_DURATION)
        self.engine: Engine | None = None

    def stepped(self, kind: str, seconds: float) -> None:
        self._steps.observe(seconds, MODEL, kind)

    def preempted(self) -> None:
        self._registry.counter(signals.PREEMPTIONS).inc(1, MODEL)

    def finished(self, sequence: Sequence) -> None:
        """Observe the phases of a request that got all its tokens."""
        for phase, start, end in phases(sequence):
            self._phases.observe((end - start) / 1e9, MODEL, phase)
        waited = (sequence.started_ns - sequence.queued_ns) / 1e9
        self._requests.queue_wait(waited, model=MODEL)

    def collect_text(self) -> str:
        self._ask_engine()
        return self._registry.collect_text()

    def collect_openmetrics(self) -> str:
        self._ask_engine()
        return self._registry.collect_openmetrics()

    def _ask_engine(self) -> None:
        if self.engine is not None:
            gauge = self._registry.gauge
            gauge(signals.RUNNING).set(len(self.engine.running), MODEL)
            gauge(signals.KV_CACHE_USAGE).set(self.engine.cache_usage, MODEL)
            self._requests.queue_depth(len(self.engine.waiting), model=MODEL)


def phases(sequence: Sequence) -> list[tuple[str, int, int]]:
    """Name, start and end (ns since the epoch) of each phase of a finished request."""
    return [
        ("queue", sequence.queued_ns, sequence.started_ns),
        ("prefill", sequence.started_ns, sequence.first_token_ns),
        ("decode", sequence.first_token_ns, sequence.finished_ns),
    ]
