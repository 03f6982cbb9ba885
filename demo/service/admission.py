"""Who may come in: a bounded priority queue in front of a fixed number of slots."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

PRIORITIES = ("vip", "normal", "batch")
"""Highest first."""


class QueueFullError(Exception):
    """There is no room in the queue for a request of this priority."""


class Observer(Protocol):
    """Hears how the queue changes."""

    def queued(self, priority: str, depth: int) -> None:
        """So many requests of this priority wait now."""

    def waited(self, priority: str, seconds: float) -> None:
        """A request got its slot after so long."""


class Admission:
    """Hands out slots: VIP before normal before batch, first come first served within each."""

    def __init__(self, slots: int, max_queue: int, observer: Observer) -> None:
        self.free = slots
        self.max_queue = max_queue
        self._observer = observer
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {p: deque() for p in PRIORITIES}

    @property
    def depth(self) -> int:
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def slot(self, priority: str) -> AsyncIterator[None]:
        """Hold a slot.

        Raises QueueFullError at once when the queue is full of requests at least as important,
        and later when a more important one takes this request's place in a full queue.
        """
        await self._enter(priority)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, priority: str) -> None:
        if self.free:
            self.free -= 1
            self._observer.waited(priority, 0.0)
            return
        if self.depth >= self.max_queue:
            self._displace(priority)
        started = time.monotonic()
        place = asyncio.get_running_loop().create_future()
        self._waiting[priority].append(place)
        self._tell(priority)
        try:
            await place
        except asyncio.CancelledError:
            self._forget(priority, place)
            raise
        self._observer.waited(priority, time.monotonic() - started)

    def _leave(self) -> None:
        for priority in PRIORITIES:
            while self._waiting[priority]:
                place = self._waiting[priority].popleft()
                self._tell(priority)
                if not place.done():  # cancelled in this moment, and not yet forgotten
                    place.set_result(None)
                    return
        self.free += 1

    def _displace(self, priority: str) -> None:
        """Refuse the newest of the lowest class below `priority`, or the newcomer itself."""
        for lower in reversed(PRIORITIES[PRIORITIES.index(priority) + 1 :]):
            if self._waiting[lower]:
                self._waiting[lower].pop().set_exception(QueueFullError())
                self._tell(lower)
                return
        raise QueueFullError

    def _forget(self, priority: str, place: asyncio.Future[None]) -> None:
        if place in self._waiting[priority]:
            self._waiting[priority].remove(place)
            self._tell(priority)
        elif place.done() and not place.cancelled() and place.exception() is None:
            self._leave()  # the slot came in the same moment: pass it on

    def _tell(self, priority: str) -> None:
        self._observer.queued(priority, len(self._waiting[priority]))
