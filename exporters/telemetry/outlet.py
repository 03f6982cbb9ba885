"""The writer of this process: another one in each process that is forked from it."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock

from exporters.telemetry.harmless import complain
from exporters.telemetry.writer import Item, Writer


class Outlet:
    """Hands spans and logs to the writer. What goes wrong in here reaches nobody.

    A forked child has no writer thread: its first span or log begins one, with a connection and a
    spool of its own; a child that tells nothing costs nothing.
    """

    def __init__(self, begin: Callable[[], Writer]) -> None:
        self._begin = begin
        self._lock = RLock()
        self._is_beginning = False
        self.writer: Writer | None = None

    def put(self, item: Item) -> None:
        """Take a span or a log; never waits for the store."""
        try:
            writer = self.writer or self.begin()
            if writer is not None:
                writer.queue.put(item)
        except Exception as error:  # noqa: BLE001 - telling never breaks serving
            complain("handing over a span or a log", error)

    def begin(self) -> Writer | None:
        """Begin to write, unless that is under way: None for what it logs itself."""
        with self._lock:
            if self.writer is None and not self._is_beginning:
                self._is_beginning = True
                try:
                    self.writer = self._begin()
                finally:
                    self._is_beginning = False
            return self.writer

    def begin_again(self) -> None:
        """In a forked child: leave the parent's writer, and what it holds, to the parent."""
        self._lock = RLock()
        self._is_beginning = False
        if self.writer is not None and not self.writer.is_closing:
            self.writer.forsake()
            self.writer = None
