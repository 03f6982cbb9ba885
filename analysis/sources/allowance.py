"""What one reading may take: rows, bytes and seconds; counted by all its threads together."""

from __future__ import annotations

import threading
import time


class Allowance:
    """Says when to stop, and afterwards why it was stopped."""

    def __init__(self, rows: int, bytes_: int, seconds: float) -> None:
        self.rows = 0
        self.bytes = 0
        self.why: str | None = None
        self._most_rows = rows
        self._most_bytes = bytes_
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._lock = threading.Lock()

    def is_left(self) -> bool:
        """Whether another page may be asked for."""
        with self._lock:
            if self.why is None and self.rows >= self._most_rows:
                self.why = f"{self._most_rows} rows"
            if self.why is None and self.bytes >= self._most_bytes:
                self.why = f"{self._most_bytes} bytes"
            if self.why is None and time.monotonic() >= self._deadline:
                self.why = f"{self._seconds:g} s"
            return self.why is None

    def took(self, rows: int, bytes_: int) -> None:
        """Count a page."""
        with self._lock:
            self.rows += rows
            self.bytes += bytes_
