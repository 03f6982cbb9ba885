"""The clock of the simulation: SimPy's, with calls at a later time."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from simpy import Environment, Event

__all__ = ["Event", "Kernel", "Steps"]

Steps = Generator[Event, Any, Any]
"""A process: yields what it waits for."""


class Kernel(Environment):
    """Simulated seconds; 0 is where health begins to be recorded, the warm-up lies before."""

    def later(self, seconds: float, call: Callable[[], Any]) -> None:
        """Call once, `seconds` from now."""
        event = self.timeout(seconds)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: call())
