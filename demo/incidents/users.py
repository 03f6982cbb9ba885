"""The users: each sends a request, and sends it again as their client's policy says."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from demo.incidents.gateway import Exchange, Gateway
from demo.incidents.kernel import Kernel, Steps
from demo.incidents.lengths import Lengths
from demo.incidents.plan import Plan

TENANTS = 3
Tell = Callable[[Exchange], None]


class Users:
    """Faults turn `backoff`, `retries` and `timeout_seconds`."""

    def __init__(
        self, kernel: Kernel, gateway: Gateway, lengths: Lengths, plan: Plan, seed: str, tell: Tell
    ) -> None:
        self.kernel, self.gateway, self.lengths, self._tell = kernel, gateway, lengths, tell
        self.backoff, self.retries = True, plan.retries
        self.timeout_seconds = plan.timeout_seconds
        self._rng = Random(f"{seed}/users")

    def start(self) -> None:
        """A new user comes."""
        self.kernel.process(self._ask())

    def _ask(self) -> Steps:
        rng, work = self._rng, self.lengths.draw()
        tenant = rng.randrange(TENANTS)
        for tries in range(self.retries + 1):
            exchange = Exchange(work, self.kernel.now, resent=tries > 0, tenant=tenant)
            yield from self._wait(exchange)
            if not exchange.gone and exchange.status not in {429, 502, 503}:
                return
            if tries < self.retries and self.backoff:
                yield self.kernel.timeout(rng.uniform(0.5, 1.0) * min(30.0, 2.0**tries))
            elif tries < self.retries:
                yield self.kernel.timeout(rng.uniform(0.05, 0.3))

    def _wait(self, exchange: Exchange) -> Steps:
        """Until it is answered, or for as long as the user is patient; the service works on."""
        served = self.kernel.process(self._serve(exchange))
        yield served | self.kernel.timeout(self.timeout_seconds)
        exchange.gone = exchange.outcome == ""

    def _serve(self, exchange: Exchange) -> Steps:
        yield from self.gateway.take(exchange)
        self._tell(exchange)
