"""Messages that wait, in SQLite: what was accepted survives a restart until it is told."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from alerts.bridge.note import Note
from exporters.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Accepted = Literal["queued", "duplicate", "refused"]

KEPT_SECONDS = 86_400.0
TABLE = """
CREATE TABLE IF NOT EXISTS notes (
    receiver TEXT NOT NULL, incident TEXT NOT NULL, digest TEXT NOT NULL, note TEXT NOT NULL,
    received REAL NOT NULL, told REAL, tries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0, PRIMARY KEY (receiver, incident)
);
"""


@dataclass(frozen=True)
class Waiting:
    """A message not told yet: since when, how often it was tried, and when it is due (epoch s)."""

    receiver: str
    note: Note
    received: float
    tries: int
    due: float


class Outbox:
    """One row for each receiver and incident: a newer message takes the place of one that waits."""

    def __init__(self, path: Path, *, limit: int, repeat_seconds: float) -> None:
        self._limit = limit
        self._repeat = repeat_seconds
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, timeout=5.0)
            self._db.execute("PRAGMA journal_mode=WAL")
            # Alertmanager forgets a message once we say 200: it must be on the disk by then.
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(TABLE)
        except (sqlite3.Error, OSError) as error:
            raise UsageError(
                f"[bridge] database = {str(path)!r} cannot be used: {error}; "
                "name a file that this user may write"
            ) from None

    def accept(self, receiver: str, note: Note) -> Accepted:
        """Keep a message; `refused` when too many wait, so that the sender tries again."""
        now = time.time()
        with self._write() as db:
            row = db.execute(
                "SELECT digest, told FROM notes WHERE receiver = ? AND incident = ?",
                (receiver, note.key),
            ).fetchone()
            if row and row[0] == note.digest and (row[1] is None or now - row[1] < self._repeat):
                return "duplicate"
            waits = row is not None and row[1] is None
            if not waits and self._count(db, receiver) >= self._limit:
                return "refused"
            db.execute(
                "INSERT INTO notes (receiver, incident, digest, note, received) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (receiver, incident) DO UPDATE SET "
                "digest = excluded.digest, note = excluded.note, told = NULL, "
                "received = CASE WHEN told IS NULL THEN received ELSE excluded.received END, "
                "tries = CASE WHEN told IS NULL THEN tries ELSE 0 END, "
                "due = CASE WHEN told IS NULL THEN due ELSE 0 END",
                (receiver, note.key, note.digest, note.to_json(), now),
            )
            db.execute("DELETE FROM notes WHERE told < ?", (now - KEPT_SECONDS,))
        return "queued"

    def next(self, receiver: str) -> Waiting | None:
        """The message of this receiver that is due first."""
        rows = self._read(
            "SELECT note, received, tries, due FROM notes WHERE receiver = ? AND told IS NULL "
            "ORDER BY due, received, incident LIMIT 1",
            (receiver,),
        )
        if not rows:
            return None
        note, received, tries, due = rows[0]
        return Waiting(receiver, Note.from_json(note), received, tries, due)

    def told(self, waiting: Waiting) -> None:
        """It arrived; a message that took its place meanwhile waits on."""
        with self._write() as db:
            db.execute(
                "UPDATE notes SET told = ? WHERE receiver = ? AND incident = ? AND digest = ?",
                (time.time(), waiting.receiver, waiting.note.key, waiting.note.digest),
            )

    def postpone(self, waiting: Waiting, due: float) -> None:
        """It did not arrive; try again at `due`."""
        with self._write() as db:
            db.execute(
                "UPDATE notes SET tries = tries + 1, due = ? WHERE receiver = ? AND incident = ?",
                (due, waiting.receiver, waiting.note.key),
            )

    def waiting(self, receiver: str) -> tuple[int, float]:
        """How many messages wait, and since when the oldest does (epoch s; now if none)."""
        [(count, oldest)] = self._read(
            "SELECT count(*), min(received) FROM notes WHERE receiver = ? AND told IS NULL",
            (receiver,),
        )
        return int(count), float(oldest) if oldest is not None else time.time()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _count(self, db: sqlite3.Connection, receiver: str) -> int:
        query = "SELECT count(*) FROM notes WHERE receiver = ? AND told IS NULL"
        return int(db.execute(query, (receiver,)).fetchone()[0])

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._db:
            yield self._db

    def _read(self, query: str, values: tuple[str, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(query, values).fetchall()
