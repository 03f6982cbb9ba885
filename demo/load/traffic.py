"""When requests arrive and how long they are, drawn from the fitted trace."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRIORITIES = {"vip": 0.1, "normal": 0.7, "batch": 0.2}
HANG_UP_SHARE = 0.02
POPULAR = 40
"""Questions that many users share."""
MAX_PROMPT = 2000
"""The longest prompt the model takes, whatever the factor."""

TRACES = Path(__file__).with_name("traces.json")


@dataclass(frozen=True)
class Request:
    """One thing a user asks; `hang_up_after` counts tokens, None for who stays to the end."""

    prompt: str
    max_tokens: int
    priority: str
    chat: bool
    hang_up_after: int | None


class Traffic:
    """Endless gaps and requests; the same seed gives the same ones."""

    def __init__(self, seed: int, rate: float, repeats: float = 0.0) -> None:
        self.rate = rate
        self.repeats = repeats
        self.prompt_factor = 1.0
        self.output_factor = 1.0
        self.hang_up_share = HANG_UP_SHARE
        self._fitted: dict[str, Any] = json.loads(TRACES.read_text(encoding="utf-8"))
        # Streams apart, so that a change of the rate or a factor leaves the rest as it was.
        self._arrivals = random.Random(f"{seed}/arrivals")
        self._contents = random.Random(f"{seed}/contents")
        self._texts = random.Random(f"{seed}/texts")
        self._repeated = random.Random(f"{seed}/repeated")
        self._popular = [self._fresh() for _ in range(POPULAR)] if repeats else []

    def gaps(self) -> Iterator[float]:
        """Seconds to the next arrival: Gamma with the trace's coefficient of variation."""
        shape = self._fitted["gap_cv"] ** -2
        while True:
            yield self._arrivals.gammavariate(shape, 1 / (shape * self.rate))

    def request(self) -> Request:
        """Draw what the next user asks; `repeats` of them ask what others asked before."""
        if self.repeats and self._repeated.random() < self.repeats:
            return self._repeated.choice(self._popular)
        return self._fresh()

    def _fresh(self) -> Request:
        draw = self._contents
        length = min(int(self._length("prompt") * self.prompt_factor), MAX_PROMPT)
        output = round(self._length("output") * self.output_factor)
        leaves = draw.random() < self.hang_up_share
        return Request(
            prompt="".join(self._texts.choices(string.ascii_lowercase + " ", k=length)),
            max_tokens=output,
            priority=draw.choices(list(PRIORITIES), list(PRIORITIES.values()))[0],
            chat=draw.random() < 0.5,
            hang_up_after=draw.randint(1, max(1, output // 2)) if leaves else None,
        )

    def _length(self, kind: str) -> int:
        fitted = self._fitted[kind]
        drawn = self._contents.lognormvariate(fitted["mu"], fitted["sigma"])
        return max(4, min(round(drawn), int(fitted["limit"])))
