"""A fault once drawn: the entities it may be named by, and the handle that turns it up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from demo.incidents.replica import Replica
from demo.incidents.world import World

Turn = Callable[[float], None]
Draw = Callable[[World, Random], "Break"]


@dataclass(frozen=True)
class Break:
    """What was drawn: the entities a verdict may name, how hard, and the handle."""

    entities: tuple[str, ...]
    severity: float
    turn: Turn


def between(level: float, full: float) -> float:
    """A factor on its way from 1 to `full`."""
    return 1.0 + level * (full - 1.0)


def once(action: Callable[[], None]) -> Turn:
    """A turn that acts when the level first leaves 0."""
    waiting = [action]

    def turn(level: float) -> None:
        if level > 0 and waiting:
            waiting.pop()()

    return turn


def anyone(world: World, rng: Random) -> Replica:
    """Draw the replica that is hit."""
    return rng.choice(world.replicas)
