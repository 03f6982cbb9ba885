"""How trouble begins and ends: the level of a fault over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Level = Callable[[float], float]
SHAPES = ("step", "step", "step", "ramp", "flapping")


@dataclass(frozen=True)
class Course:
    """When it begins, how it rises, how long it stays; seconds of the simulation."""

    onset: float
    shape: str
    rise: float
    length: float | None

    def level(self, now: float) -> float:
        """0 before the onset and after the end, 1 in full force."""
        since = now - self.onset
        if since < 0 or (self.length is not None and since > self.length):
            return 0.0
        if self.shape == "ramp":
            return min(1.0, since / self.rise)
        if self.shape == "flapping":
            return 1.0 if since % self.rise < 0.7 * self.rise else 0.0
        return 1.0


def draw(rng: Random) -> Course:
    """A course; most troubles last beyond the page."""
    shape = rng.choice(SHAPES)
    rise = rng.uniform(60.0, 240.0) if shape == "ramp" else rng.uniform(40.0, 120.0)
    length = rng.uniform(500.0, 900.0) if rng.random() < 0.2 else None
    return Course(rng.uniform(1_500.0, 1_800.0), shape, rise, length)
