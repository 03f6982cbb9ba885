"""Real processes made slow from outside: their whole group is stopped for a share of the time."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import TracebackType
from typing import Self

from demo.member import Member

PERIOD_SECONDS = 0.05
"""Stop and go in turn: several times within one token of a slow engine."""


class Held:
    """Lets a process group run for `share` of the time, until `release` or the block's end.

    It is what a neighbour on an overbooked host does: the process is told nothing, loses no
    connection, and everything in it takes longer.
    """

    def __init__(self, group: int, share: float) -> None:
        self._group, self._share = group, share
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"hold-{group}", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Let it run freely; twice is harmless."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                send(self._group, signal.SIGSTOP)
                self._over.wait(PERIOD_SECONDS * (1 - self._share))
                send(self._group, signal.SIGCONT)
                self._over.wait(PERIOD_SECONDS * self._share)
        finally:
            send(self._group, signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class Hands:
    """Holds any number of process groups, each in one way at a time."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}
        self._stalls: dict[int, threading.Timer] = {}

    def slow(self, group: int, factor: float) -> None:
        """Let everything in the group take `factor` times as long."""
        self.free(group)
        self._held[group] = Held(group, 1 / factor)

    def stall(self, group: int, seconds: float) -> None:
        """Stop the group now and let it go on after so long."""
        self.free(group)
        send(group, signal.SIGSTOP)
        timer = threading.Timer(seconds, send, (group, signal.SIGCONT))
        timer.daemon = True
        timer.start()
        self._stalls[group] = timer

    def free(self, group: int) -> None:
        """Let the group run as it likes."""
        if (held := self._held.pop(group, None)) is not None:
            held.release()
        if (timer := self._stalls.pop(group, None)) is not None:
            timer.cancel()
            send(group, signal.SIGCONT)


class HeldFromOutside:
    """What makes an engine suffer that knows nothing of faults: hands on its processes."""

    def __init__(self) -> None:
        self._hands = Hands()

    def slow(self, replica: Member, factor: float) -> None:
        """All its processes run for a share of the time."""
        self._hands.slow(replica.process.pid, factor)

    def stall(self, replica: Member, seconds: float) -> None:
        """All its processes are stopped and go on later."""
        self._hands.stall(replica.process.pid, seconds)

    def heal(self, replica: Member) -> None:
        """As `let_go`."""
        self.let_go(replica)

    def let_go(self, replica: Member) -> None:
        """They run as they like."""
        self._hands.free(replica.process.pid)


def on_one_core() -> tuple[str, ...]:
    """Words before a command that bind it to our last core, so that the rest is left to others."""
    return ("taskset", "--cpu-list", str(max(os.sched_getaffinity(0))))


def send(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group; one that has ended is past caring."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
