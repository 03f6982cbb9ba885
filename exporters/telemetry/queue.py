"""A bounded queue: putting never waits, what does not fit is counted and dropped."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class BoundedQueue(Generic[ItemT]):
    """Many threads put, one takes; the taker wakes when a batch is full or its time is up."""

    def __init__(self, size: int, batch: int, on_full: Callable[[ItemT], None]) -> None:
        self._items: deque[ItemT] = deque()
        self._size = size
        self._batch = min(batch, size)
        self._on_full = on_full
        self._wake = threading.Event()
        self._closed = False

    def put(self, item: ItemT) -> None:
        """Take the item in, or drop it. Costs a deque's append, so any thread may call it."""
        waiting = len(self._items)
        if self._closed or waiting >= self._size:
            self._on_full(item)
            return
        self._items.append(item)
        if waiting + 1 >= self._batch:
            self._wake.set()

    def take(self, seconds: float) -> list[ItemT]:
        """Wait up to `seconds` for a batch; return what is there, at most one batch."""
        if len(self._items) < self._batch:
            self._wake.wait(seconds)
        self._wake.clear()
        return [self._items.popleft() for _ in range(min(len(self._items), self._batch))]

    def wake(self) -> None:
        """End a wait in `take` early."""
        self._wake.set()

    def close(self) -> None:
        """Refuse what comes from now on and wake the taker."""
        self._closed = True
        self._wake.set()

    def __len__(self) -> int:
        return len(self._items)
