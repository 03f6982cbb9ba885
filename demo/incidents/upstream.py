"""What the gateway asks before it asks a model: other services, and the cache of answers."""

from __future__ import annotations

from random import Random

from demo.incidents.kernel import Kernel, Steps
from demo.incidents.plan import UpstreamPlan


class Upstream:
    """A service that requests depend on; faults turn `factor` and `error_share`."""

    def __init__(self, kernel: Kernel, plan: UpstreamPlan, seed: str) -> None:
        self.kernel, self.plan = kernel, plan
        self.factor, self.error_share = 1.0, 0.0
        self.required = plan.required
        self._rng = Random(f"{seed}/{plan.name}")

    def call(self) -> Steps:
        """One call: returns its outcome."""
        seconds = self.plan.seconds * self.factor * self._rng.lognormvariate(0.0, 0.45)
        yield self.kernel.timeout(seconds)
        return "error" if self._rng.random() < max(self.error_share, 0.0005) else "ok"


class Cache:
    """Answers what was asked before: "hit", "miss" or "error"."""

    def __init__(self, hits: float, seed: str) -> None:
        self.hits, self.error_share = hits, 0.0
        self._rng = Random(f"{seed}/cache")

    def find(self) -> str:
        """One look-up."""
        if self.error_share and self._rng.random() < self.error_share:
            return "error"
        return "hit" if self._rng.random() < self.hits else "miss"
