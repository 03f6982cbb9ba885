"""Incidents, verdicts and changes in SQLite: what was accepted survives a restart."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

from analysis.evidence import Alert, Change
from exporters.errors import UsageError

TABLES = """
CREATE TABLE IF NOT EXISTS incidents (
    key TEXT PRIMARY KEY,
    alert TEXT NOT NULL,
    received_ns INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'answered')),
    resolved_ns INTEGER,
    verdict_id TEXT,
    published INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS waiting ON incidents (state, received_ns);
CREATE TABLE IF NOT EXISTS verdicts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    incident TEXT NOT NULL REFERENCES incidents (key),
    document TEXT NOT NULL,
    annotation TEXT NOT NULL,
    folder TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS verdict_id ON verdicts (id);
CREATE TABLE IF NOT EXISTS changes (
    ts_ns INTEGER NOT NULL, kind TEXT NOT NULL, entity TEXT NOT NULL,
    before TEXT NOT NULL, after TEXT NOT NULL, source TEXT NOT NULL,
    UNIQUE (ts_ns, kind, entity, before, after, source)
);
"""


@dataclass(frozen=True)
class Incident:
    """An accepted alert group; `verdict_id` is None until it is answered."""

    key: str
    alert: Alert
    received_ns: int
    state: str
    resolved_ns: int | None = None
    verdict_id: str | None = None
    published: bool = False

    def document(self) -> dict[str, Any]:
        """The incident as JSON."""
        return asdict(self)


class Ledger:
    """One SQLite file in WAL mode, safe to use from any thread. Every write is committed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, timeout=5.0)
            self._db.execute("PRAGMA journal_mode=WAL")
            # Alertmanager forgets an alert once we say 200: it must be on the disk by then.
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(TABLES)
        except sqlite3.Error as error:
            raise UsageError(
                f"[watch] database = {str(path)!r} cannot be used: {error}; "
                "name a file that this user may write"
            ) from None

    def accept(self, key: str, alert: Alert) -> bool:
        """Keep a firing group; False when it is known already."""
        with self._write() as db:
            added = db.execute(
                "INSERT OR IGNORE INTO incidents (key, alert, received_ns, state) "
                "VALUES (?, ?, ?, 'waiting')",
                (key, json.dumps(asdict(alert), sort_keys=True), time.time_ns()),
            )
            return added.rowcount == 1

    def resolve(self, group_key: str) -> list[Incident]:
        """Close the open incidents of a group, so that people are told once more."""
        now = time.time_ns()
        still_open = [i for i in self.incidents(open_only=True) if i.alert.group_key == group_key]
        with self._write() as db:
            for incident in still_open:
                db.execute(
                    "UPDATE incidents SET resolved_ns = ?, published = 0 WHERE key = ?",
                    (now, incident.key),
                )
        return still_open

    def next(self) -> Incident | None:
        """The incident that has waited longest."""
        rows = self._read(
            "SELECT * FROM incidents WHERE state = 'waiting' ORDER BY received_ns, key LIMIT 1"
        )
        return _incident(rows[0]) if rows else None

    def backlog(self) -> int:
        """How many incidents wait for a verdict."""
        return int(self._read("SELECT count(*) FROM incidents WHERE state = 'waiting'")[0][0])

    def answer(
        self, key: str, verdict_id: str, document: str, annotation: str, folder: Path | None
    ) -> None:
        """Store a verdict and mark its incident answered, in one transaction.

        `folder` holds its evidence; None where that could not be kept.
        """
        with self._write() as db:
            db.execute(
                "INSERT INTO verdicts (id, incident, document, annotation, folder) "
                "VALUES (?, ?, ?, ?, ?)",
                (verdict_id, key, document, annotation, str(folder or "")),
            )
            db.execute(
                "UPDATE incidents SET state = 'answered', verdict_id = ? WHERE key = ?",
                (verdict_id, key),
            )

    def mark_published(self, incident: Incident) -> None:
        """Remember that people were told of the incident as it was read, and of nothing later."""
        with self._write() as db:
            db.execute(
                "UPDATE incidents SET published = 1 WHERE key = ? AND resolved_ns IS ?",
                (incident.key, incident.resolved_ns),
            )

    def unpublished(self) -> list[Incident]:
        """Answered incidents of which people were not told yet."""
        rows = self._read(
            "SELECT * FROM incidents WHERE state = 'answered' AND published = 0 "
            "ORDER BY received_ns, key"
        )
        return [_incident(row) for row in rows]

    def incidents(self, *, open_only: bool = False, limit: int = 1000) -> list[Incident]:
        """The latest incidents, oldest first."""
        where = "WHERE resolved_ns IS NULL" if open_only else ""
        rows = self._read(
            f"SELECT * FROM incidents {where} ORDER BY received_ns DESC, key LIMIT ?",  # noqa: S608  two constants
            (limit,),
        )
        return [_incident(row) for row in reversed(rows)]

    def verdicts(self, limit: int = 100) -> list[str]:
        """The latest verdicts as JSON texts, oldest first."""
        rows = self._read("SELECT document FROM verdicts ORDER BY number DESC LIMIT ?", (limit,))
        return [row[0] for row in reversed(rows)]

    def verdict(self, verdict_id: str) -> str | None:
        """One verdict as JSON text."""
        rows = self._read(
            "SELECT document FROM verdicts WHERE id = ? ORDER BY number LIMIT 1", (verdict_id,)
        )
        return rows[0][0] if rows else None

    def record(self, change: Change) -> None:
        """Keep a posted change; the same one twice is one."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO changes VALUES (?, ?, ?, ?, ?, ?)", astuple(change))

    def changes(self, start_ns: int, end_ns: int) -> tuple[Change, ...]:
        """Posted changes of [start_ns, end_ns]."""
        rows = self._read(
            "SELECT * FROM changes WHERE ts_ns BETWEEN ? AND ? ORDER BY ts_ns, entity, kind",
            (start_ns, end_ns),
        )
        return tuple(Change(*row) for row in rows)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._db:
            yield self._db

    def _read(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(query, values).fetchall()


def _incident(row: tuple[Any, ...]) -> Incident:
    key, alert, received, state, resolved, verdict_id, published = row
    return Incident(
        key, Alert(**json.loads(alert)), received, state, resolved, verdict_id, bool(published)
    )
