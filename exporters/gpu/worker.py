"""Threads that do one thing each time they are woken, and a gate that can stop them all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Worker:
    """A thread of its own for one job, so that a call that hangs holds up nothing else."""

    def __init__(self, name: str, job: Callable[[], object]) -> None:
        """Start it; `job` must not raise."""
        self._job = job
        self._wanted, self._done = threading.Event(), threading.Event()
        self._done.set()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        return not self._done.is_set()

    def wake(self) -> None:
        """Have the job done once more."""
        self._done.clear()
        self._wanted.set()

    def wait(self, timeout_seconds: float) -> bool:
        """Whether the job was done in time."""
        return self._done.wait(max(timeout_seconds, 0.0))

    def close(self, timeout_seconds: float) -> bool:
        """End the thread; False if its job does not end in time."""
        self._is_closing = True
        self._wanted.set()
        self._thread.join(max(timeout_seconds, 0.0))
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._is_closing:
                return
            self._job()
            if not self._wanted.is_set():
                self._done.set()


class Gate:
    """Lets any number through at once, or one alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._is_shut = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Be inside with others; waits while someone is, or wants to be, alone."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_shut)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self, timeout_seconds: float) -> Iterator[bool]:
        """Be inside alone; False when someone did not come out in time, and all go on."""
        with self._changed:
            self._is_shut = True
            is_alone = self._changed.wait_for(lambda: not self._inside, timeout_seconds)
        try:
            yield is_alone
        finally:
            with self._changed:
                self._is_shut = False
                self._changed.notify_all()


def remaining(deadline: float) -> float:
    """Seconds until `deadline` on the monotonic clock, 0 at least."""
    return max(deadline - time.monotonic(), 0.0)
