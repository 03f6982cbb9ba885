"""The values of the client side; nothing that goes wrong in here reaches the caller."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec

from exporters.catalog import clients as signals
from exporters.catalog.stack import METRICS_ERRORS
from exporters.exposition import Registry

OTHER: Final = "_other"
NO_STATUS: Final = "none"

P = ParamSpec("P")


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
            self.registry.counter(signals.CLIENT_REQUESTS).inc(0.0, target, outcome)
        for reason in signals.RETRY_REASONS:
            self.registry.counter(signals.CLIENT_RETRIES).inc(0.0, target, reason)
        for reason in signals.GIVE_UPS:
            self.registry.counter(signals.CLIENT_GIVE_UPS).inc(0.0, target, reason)
        for source in signals.WAITS:
            self.registry.counter(signals.CLIENT_WAIT).inc(0.0, target, source)
        self.registry.gauge(signals.CLIENT_IN_FLIGHT).inc(0.0, target)
        if states:
            self.registry.counter(signals.CLIENT_CIRCUIT_OPENED).inc(0.0, target)
            self.registry.counter(signals.CLIENT_CIRCUIT_REFUSALS).inc(0.0, target)

    @harmless
    def began(self, target: str) -> None:
        """Open a request."""
        self.registry.gauge(signals.CLIENT_IN_FLIGHT).inc(1.0, target)

    @harmless
    def finished(self, target: str, outcome: str, seconds: float) -> None:
        """Close a request as its caller felt it."""
        self.registry.gauge(signals.CLIENT_IN_FLIGHT).dec(1.0, target)
        self.registry.counter(signals.CLIENT_REQUESTS).inc(1.0, target, outcome)
        self.registry.histogram(signals.CLIENT_REQUEST_DURATION).observe(seconds, target, outcome)

    @harmless
    def first_byte(self, target: str, seconds: float) -> None:
        """Observe the wait for the answer's first byte."""
        self.registry.histogram(signals.CLIENT_TIME_TO_FIRST_BYTE).observe(seconds, target)

    @harmless
    def attempt(self, target: str, outcome: str, status: int | None, seconds: float) -> None:
        """Count one attempt, to its last byte."""
        told = NO_STATUS if status is None else str(status)
        self.registry.counter(signals.CLIENT_ATTEMPTS).inc(1.0, target, outcome, told)
        self.registry.histogram(signals.CLIENT_ATTEMPT_DURATION).observe(seconds, target)

    @harmless
    def retry(self, target: str, reason: str, backoff: float, asked: float) -> None:
        """Count a retry and what is waited before it."""
        known = reason if reason in signals.RETRY_REASONS else OTHER
        self.registry.counter(signals.CLIENT_RETRIES).inc(1.0, target, known)
        self.registry.counter(signals.CLIENT_WAIT).inc(backoff, target, "backoff")
        self.registry.counter(signals.CLIENT_WAIT).inc(asked, target, "retry_after")

    @harmless
    def gave_up(self, target: str, reason: str) -> None:
        """Count a failure that was not retried although it might have passed."""
        self.registry.counter(signals.CLIENT_GIVE_UPS).inc(1.0, target, reason)

    @harmless
    def fell_back(self, target: str, fallback: str, outcome: str) -> None:
        """Count a request that ended at another target."""
        self.registry.counter(signals.CLIENT_FALLBACKS).inc(1.0, target, fallback, outcome)

    @harmless
    def circuit(self, target: str, state: str) -> None:
        """Show which state a circuit is in."""
        gauge = self.registry.gauge(signals.CLIENT_CIRCUIT_STATE)
        for one in signals.CIRCUIT_STATES:
            gauge.set(float(one == state), target, one)

    @harmless
    def circuit_opened(self, target: str) -> None:
        """Count a circuit that opened."""
        self.registry.counter(signals.CLIENT_CIRCUIT_OPENED).inc(1.0, target)

    @harmless
    def circuit_refused(self, target: str) -> None:
        """Count an attempt that an open circuit did not let through."""
        self.registry.counter(signals.CLIENT_CIRCUIT_REFUSALS).inc(1.0, target)
