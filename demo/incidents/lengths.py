"""How long requests are: log-normal lengths and cached prefixes, after the public traces."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from demo.incidents.arrivals import fitted

CONTEXT_LIMIT = 16_000
OUTPUT_LIMIT = 2_000


@dataclass(slots=True)
class Work:
    """What one user asks for, in tokens."""

    prompt: int
    cached: int
    output: int
    priority: str


class Lengths:
    """Draws requests; the factors are the fault's to turn."""

    def __init__(self, workload: str, seed: str) -> None:
        own = fitted()["workloads"][workload]
        self._prompt, self._output, self._prefix = own["prompt"], own["output"], fitted()["prefix"]
        self.prompt_factor = self.output_factor = self.prefix_factor = 1.0
        self._rng = Random(f"{seed}/lengths")

    def draw(self) -> Work:
        """The next request."""
        rng = self._rng
        prompt = self._length(self._prompt, self.prompt_factor, CONTEXT_LIMIT)
        output = self._length(self._output, self.output_factor, OUTPUT_LIMIT)
        cached = 0
        if rng.random() < self._prefix["hit_share"] * self.prefix_factor:
            cached = int(prompt * min(1.0, rng.gauss(self._prefix["cached_mean"], 0.07)))
        place = rng.random()
        priority = "vip" if place < 0.1 else "normal" if place < 0.8 else "batch"
        return Work(prompt, max(0, min(cached, prompt - 1)), output, priority)

    def _length(self, fit: dict[str, float], factor: float, most: int) -> int:
        drawn = min(self._rng.lognormvariate(fit["mu"], fit["sigma"]), fit["limit"])
        return max(1, min(int(drawn * factor), most))
