"""How late the event loop runs, which every stream of this process waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.catalog.host import LOOP_LAG
from exporters.exposition.registry import Registry

if TYPE_CHECKING:
    import asyncio

EVERY_SECONDS = 0.1


def watch_event_loop(registry: Registry, *, every: float = EVERY_SECONDS) -> asyncio.TimerHandle:
    """Measure the running loop's lag from now on: call it once, when the app starts.

    A chain of timers and no task, so that nothing is left to be cancelled when the loop ends; the
    handle's `cancel` stops the first one. Raises RuntimeError outside of an event loop.
    """
    from asyncio import get_running_loop  # noqa: PLC0415 - the GPU exporter has no loop to load

    loop = get_running_loop()
    lag = registry.histogram(LOOP_LAG).labels()

    def tick(due: float) -> None:
        now = loop.time()
        lag.observe(max(0.0, now - due))
        loop.call_at(now + every, tick, now + every)

    due = loop.time() + every
    return loop.call_at(due, tick, due)
