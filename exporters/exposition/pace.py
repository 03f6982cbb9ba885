"""Long work in short steps, between which another thread gets the interpreter."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")

PAUSE_SECONDS = 0.0001
"""Let go of the interpreter's lock for long enough that the event loop takes it; `sleep(0)` would
take it back before the loop's thread wakes up."""


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """So many items at a time, with a pause between two batches."""
    for start in range(0, len(items), size):
        if start:
            pause()
        yield items[start : start + size]


def pause() -> None:
    """Let another thread have its turn."""
    time.sleep(PAUSE_SECONDS)
