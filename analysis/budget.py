"""Run many slow reads at once, and stop waiting when the time is up."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass
class Outcome(Generic[Key, Value]):
    """What came back in time, what failed and how, and what is still out."""

    values: dict[Key, Value] = field(default_factory=dict)
    errors: dict[Key, str] = field(default_factory=dict)
    late: tuple[Key, ...] = ()


def within(
    seconds: float, tasks: Mapping[Key, Callable[[], Value]], *, threads: int
) -> Outcome[Key, Value]:
    """Run `tasks` on daemon threads; after `seconds` whatever is unfinished counts as late.

    Daemon threads, because a source that hangs must hold up neither the verdict nor the exit.
    """
    waiting: queue.SimpleQueue[tuple[Key, Callable[[], Value]]] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Key, Value | None, str | None]] = queue.SimpleQueue()
    for item in tasks.items():
        waiting.put(item)
    deadline = time.monotonic() + seconds
    for _ in range(min(threads, len(tasks))):
        threading.Thread(target=_work, args=(waiting, done, deadline), daemon=True).start()
    return _gather(tasks, done, deadline)


def _work(
    waiting: queue.SimpleQueue[tuple[Key, Callable[[], Value]]],
    done: queue.SimpleQueue[tuple[Key, Value | None, str | None]],
    deadline: float,
) -> None:
    while time.monotonic() < deadline:
        try:
            key, task = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            done.put((key, task(), None))
        except Exception as error:  # noqa: BLE001  a source may fail in any way: it becomes a gap
            done.put((key, None, f"{type(error).__name__}: {error}".splitlines()[0][:200]))


def _gather(
    tasks: Mapping[Key, Callable[[], Value]],
    done: queue.SimpleQueue[tuple[Key, Value | None, str | None]],
    deadline: float,
) -> Outcome[Key, Value]:
    outcome: Outcome[Key, Value] = Outcome()
    for _ in tasks:
        try:
            key, value, error = done.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        if error is None:
            outcome.values[key] = value  # type: ignore[assignment]  # None is a value here too
        else:
            outcome.errors[key] = error
    answered = outcome.values.keys() | outcome.errors.keys()
    outcome.late = tuple(key for key in tasks if key not in answered)
    return outcome
