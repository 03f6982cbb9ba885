"""A replica at work: its engine on a GPU, its process, and the way to it."""

from __future__ import annotations

import math
from random import Random

from demo.incidents.engine import Engine
from demo.incidents.gpu import Gpu
from demo.incidents.kernel import Kernel, Steps
from demo.incidents.plan import ReplicaPlan

RESIDENT = 6.0e9
MEMORY_LIMIT = 32.0e9


class Replica:
    """What faults can turn is public: `software` slowness, `cpu_left`, `network_seconds`, ...

    `complaint` is what it logs with each call that it fails: exception and message.
    """

    def __init__(self, kernel: Kernel, plan: ReplicaPlan, seed: str, *, alone: bool) -> None:
        self.kernel, self.plan, self.name = kernel, plan, plan.name
        self.rng = Random(f"{seed}/{plan.name}")
        self.engine = Engine(kernel, plan.shape)
        self.gpu = Gpu(plan.gpu, plan.host, self.rng, alone=alone)
        self.software = 1.0
        self.cpu_left = 1.0
        self.error_share = 0.0
        self.network_seconds = plan.network_seconds
        self.silent = False
        self.up = True
        self.version = "1.4.2"
        self.complaint = ("", "")
        self.started = -self.rng.uniform(5_000, 400_000)
        self.extra_memory = 0.0
        self.leaking = 0.0
        self.weight = 1.0
        self._resident = RESIDENT * self.rng.uniform(0.8, 1.3)
        self._cold = (0.0, 1.0, 1.0)

    def tune(self) -> None:
        """Let the engine feel its device, its CPU and its warmth as they are now."""
        host = 1.0 + 0.9 * (1.0 / max(self.cpu_left, 0.02) - 1.0)
        since, factor, seconds = self._cold
        warmth = 1.0
        if factor > 1.0:
            warmth += (factor - 1.0) * math.exp(-(self.kernel.now - since) / seconds)
        slowness = self.software * self.gpu.slowness * host * warmth
        if abs(slowness / self.engine.slowness - 1.0) > 0.01:
            self.engine.slow_down(slowness)

    def restart(self, *, away: float, cold: float = 1.0, cold_seconds: float = 60.0) -> None:
        """The process ends now, and another takes its place `away` seconds later."""
        self.up = False
        self.engine.fail_all()
        self.extra_memory = 0.0

        def back() -> None:
            self.up = True
            self.started = self.kernel.now
            self._cold = (self.kernel.now, cold, cold_seconds)
            self.tune()

        self.kernel.later(away, back)

    def serve(self, prompt: int, cached: int, output: int) -> Steps:
        """One call: yields until it is over, returns its sequence (or None) and its outcome."""
        yield self.kernel.timeout(self._way())
        if not self.up or self.gpu.lost:
            return None, "error"
        if self.error_share and self.rng.random() < self.error_share:
            yield self.kernel.timeout(self.rng.uniform(0.02, 0.4))
            return None, "error"
        sequence = self.engine.submit(prompt, cached, output)
        outcome = yield sequence.done
        yield self.kernel.timeout(self._way())
        return sequence, outcome

    def _way(self) -> float:
        return self.network_seconds * self.rng.lognormvariate(0.0, 0.25)

    def memory(self) -> float:
        """Resident bytes."""
        wobble = 1.0 + 0.01 * self.rng.gauss(0.0, 1.0)
        work = 4e6 * self.engine.batch
        return min(MEMORY_LIMIT, (self._resident + work) * wobble + self.extra_memory)

    def throttled(self) -> float:
        """Share of CPU periods held back by the quota."""
        if self.cpu_left >= 1.0:
            return max(0.0, self.rng.gauss(0.004, 0.004))
        return min(1.0, max(0.0, 1.0 - self.cpu_left + self.rng.gauss(0.15, 0.05)))
