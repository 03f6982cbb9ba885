"""What all requests of one client to one target share."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.trace import Tracer
from tenacity import RetryCallState, wait_exponential

from exporters.chance import CHANCE
from exporters.clients.circuits import Circuits
from exporters.clients.metrics import ClientMetrics
from exporters.clients.policy import CircuitPolicy, Fallback, RetryBudget, RetryPolicy


class FullJitter(wait_exponential):
    """Anything from 0 to the exponential wait: tenacity's own draws from the global random."""

    def __call__(self, retry_state: RetryCallState) -> float:
        return CHANCE.uniform(self.min, super().__call__(retry_state))


class Caller:
    """A target by its name, and how to behave towards it; safe in any thread.

    `target` stands on the metrics. `retry` None takes the defaults, `circuit` None has none.
    """

    def __init__(
        self,
        target: str,
        metrics: ClientMetrics,
        *,
        retry: RetryPolicy | None = None,
        circuit: CircuitPolicy | None = None,
        fallbacks: Sequence[Fallback] = (),
        tracer: Tracer | None = None,
    ) -> None:
        self.target, self.metrics = target, metrics
        self.retry = retry or RetryPolicy()
        self.circuits = Circuits(circuit, metrics)
        self.fallbacks = tuple(fallbacks)
        self.budget = RetryBudget(self.retry)
        self.tracer = tracer or trace.get_tracer("busysignal.clients")
        self.backoff = FullJitter(
            multiplier=self.retry.backoff_seconds, max=self.retry.backoff_cap_seconds
        )
        for name in (target, *(one.name for one in self.fallbacks)):
            metrics.start_at_zero(name, circuit is not None)
