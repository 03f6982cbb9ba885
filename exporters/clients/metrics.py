"""The values of the client side; nothing that goes wrong in here reaches the caller."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from exporters.catalog import clients as signals
from exporters.catalog.signal import Counter, Gauge, Histogram, Signal
from exporters.catalog.stack import METRICS_ERRORS
from exporters.exposition import Registry
from exporters.exposition.storage import CounterChild, GaugeChild, HistogramChild

OTHER: Final = "_other"
NO_STATUS: Final = "none"
MAX_CHILDREN: Final = 4096
"""Label sets remembered; past them, each is looked up anew."""

P = ParamSpec("P")
ChildT = TypeVar("ChildT")


def harmless(
    method: Callable[Concatenate[ClientMetrics, P], None],
) -> Callable[Concatenate[ClientMetrics, P], None]:
    """Keep whatever goes wrong inside from the request that is being made, and count it."""

    @functools.wraps(method)
    def guarded(self: ClientMetrics, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception:  # noqa: BLE001 - the point: measuring never breaks a call
            self.failed()

    return guarded


class ClientMetrics:
    """The client_* series of one process; clients of several targets may share it.

    >>> metrics = ClientMetrics()
    >>> httpx.Client(transport=MeteredTransport(Caller("chat", metrics)))
    """

    def __init__(self, registry: Registry | None = None) -> None:
        self.registry = Registry() if registry is None else registry
        self._errors = self.registry.counter(METRICS_ERRORS).labels()
        self._children: dict[tuple[str, ...], Any] = {}

    def collect_text(self) -> str:
        return self.registry.collect_text()

    def failed(self) -> None:
        """Count an error inside measuring code."""
        with contextlib.suppress(Exception):  # where even counting fails there is nowhere to go
            self._errors.inc()

    @harmless
    def start_at_zero(self, target: str, states: bool) -> None:  # noqa: FBT001 - one caller
        """Make the series that rate() must see from the first failure on."""
        for outcome in signals.OUTCOMES:
            self._counter(signals.CLIENT_REQUESTS, target, outcome).inc(0.0)
        for reason in signals.RETRY_REASONS:
            self._counter(signals.CLIENT_RETRIES, target, reason).inc(0.0)
        for reason in signals.GIVE_UPS:
            self._counter(signals.CLIENT_GIVE_UPS, target, reason).inc(0.0)
        for source in signals.WAITS:
            self._counter(signals.CLIENT_WAIT, target, source).inc(0.0)
        self._gauge(signals.CLIENT_IN_FLIGHT, target).inc(0.0)
        if states:
            self._counter(signals.CLIENT_CIRCUIT_OPENED, target).inc(0.0)
            self._counter(signals.CLIENT_CIRCUIT_REFUSALS, target).inc(0.0)

    @harmless
    def began(self, target: str) -> None:
        """Open a request."""
        self._gauge(signals.CLIENT_IN_FLIGHT, target).inc(1.0)

    @harmless
    def finished(self, target: str, outcome: str, seconds: float) -> None:
        """Close a request as its caller felt it."""
        self._gauge(signals.CLIENT_IN_FLIGHT, target).dec(1.0)
        self._counter(signals.CLIENT_REQUESTS, target, outcome).inc(1.0)
        self._histogram(signals.CLIENT_REQUEST_DURATION, target, outcome).observe(seconds)

    @harmless
    def first_byte(self, target: str, seconds: float) -> None:
        """Observe the wait for the answer's first byte."""
        self._histogram(signals.CLIENT_TIME_TO_FIRST_BYTE, target).observe(seconds)

    @harmless
    def attempt(self, target: str, outcome: str, status: int | None, seconds: float) -> None:
        """Count one attempt, to its last byte."""
        told = NO_STATUS if status is None else str(status)
        self._counter(signals.CLIENT_ATTEMPTS, target, outcome, told).inc(1.0)
        self._histogram(signals.CLIENT_ATTEMPT_DURATION, target).observe(seconds)

    @harmless
    def retry(self, target: str, reason: str, backoff: float, asked: float) -> None:
        """Count a retry and what is waited before it."""
        known = reason if reason in signals.RETRY_REASONS else OTHER
        self._counter(signals.CLIENT_RETRIES, target, known).inc(1.0)
        self._counter(signals.CLIENT_WAIT, target, "backoff").inc(backoff)
        self._counter(signals.CLIENT_WAIT, target, "retry_after").inc(asked)

    @harmless
    def gave_up(self, target: str, reason: str) -> None:
        """Count a failure that was not retried although it might have passed."""
        self._counter(signals.CLIENT_GIVE_UPS, target, reason).inc(1.0)

    @harmless
    def fell_back(self, target: str, fallback: str, outcome: str) -> None:
        """Count a request that ended at another target."""
        self._counter(signals.CLIENT_FALLBACKS, target, fallback, outcome).inc(1.0)

    @harmless
    def circuit(self, target: str, state: str) -> None:
        """Show which state a circuit is in."""
        for one in signals.CIRCUIT_STATES:
            self._gauge(signals.CLIENT_CIRCUIT_STATE, target, one).set(float(one == state))

    @harmless
    def circuit_opened(self, target: str) -> None:
        """Count a circuit that opened."""
        self._counter(signals.CLIENT_CIRCUIT_OPENED, target).inc(1.0)

    @harmless
    def circuit_refused(self, target: str) -> None:
        """Count an attempt that an open circuit did not let through."""
        self._counter(signals.CLIENT_CIRCUIT_REFUSALS, target).inc(1.0)

    # ---- label sets, looked up once: the look-up costs more than the counting

    def _counter(self, signal: Counter, *values: str) -> CounterChild:
        found: CounterChild | None = self._children.get((signal.name, *values))
        return found or self._keep(signal, values, self.registry.counter(signal).labels(*values))

    def _gauge(self, signal: Gauge, *values: str) -> GaugeChild:
        found: GaugeChild | None = self._children.get((signal.name, *values))
        return found or self._keep(signal, values, self.registry.gauge(signal).labels(*values))

    def _histogram(self, signal: Histogram, *values: str) -> HistogramChild:
        found: HistogramChild | None = self._children.get((signal.name, *values))
        return found or self._keep(signal, values, self.registry.histogram(signal).labels(*values))

    def _keep(self, signal: Signal, values: tuple[str, ...], child: ChildT) -> ChildT:
        if len(self._children) < MAX_CHILDREN:
            self._children[signal.name, *values] = child
        return child
