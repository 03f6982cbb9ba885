"""The fallback model: a bigram table in the gateway's own process, worse but always there."""

from __future__ import annotations

import random

from demo.service.openai_api import VOCABULARY

NAME = "bigram"


class Bigram:
    """Follows each byte by one drawn once and for all from the seed."""

    def __init__(self, seed: int = 0) -> None:
        self._next = random.Random(seed).sample(range(VOCABULARY), VOCABULARY)

    def complete(self, prompt: list[int], max_tokens: int) -> list[int]:
        """Answer with `max_tokens` tokens."""
        tokens = [prompt[-1]]
        for _ in range(max_tokens):
            tokens.append(self._next[tokens[-1]])
        return tokens[1:]
