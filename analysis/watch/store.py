"""The SQLite file of `busysignal watch`: what it says is kept survives a kill."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exporters.errors import UsageError

Row = tuple[Any, ...]

TABLES = """
CREATE TABLE IF NOT EXISTS incidents (
    key TEXT PRIMARY KEY,
    group_key TEXT NOT NULL,
    alert TEXT NOT NULL,
    members TEXT NOT NULL DEFAULT '[]',
    received_ns INTEGER NOT NULL,
    seen_ns INTEGER NOT NULL,
    looked_ns INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'answered')),
    resolved_ns INTEGER,
    ended TEXT NOT NULL DEFAULT '',
    final INTEGER NOT NULL DEFAULT 0,
    told INTEGER NOT NULL DEFAULT 0,
    verdict_id TEXT
);
CREATE INDEX IF NOT EXISTS incident_order ON incidents (state, received_ns);
CREATE INDEX IF NOT EXISTS incident_group ON incidents (group_key, resolved_ns);
CREATE TABLE IF NOT EXISTS verdicts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    incident TEXT NOT NULL REFERENCES incidents (key),
    document TEXT NOT NULL,
    folder TEXT NOT NULL,
    told INTEGER NOT NULL,
    UNIQUE (incident, id)
);
CREATE INDEX IF NOT EXISTS verdict_by_id ON verdicts (id);
CREATE TABLE IF NOT EXISTS deliveries (
    incident TEXT NOT NULL,
    receiver TEXT NOT NULL,
    event TEXT NOT NULL,
    since_ns INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (incident, receiver)
);
CREATE TABLE IF NOT EXISTS memos (
    incident TEXT NOT NULL, receiver TEXT NOT NULL, memo TEXT NOT NULL,
    PRIMARY KEY (incident, receiver)
);
CREATE TABLE IF NOT EXISTS changes (
    ts_ns INTEGER NOT NULL, kind TEXT NOT NULL, entity TEXT NOT NULL,
    before TEXT NOT NULL, after TEXT NOT NULL, source TEXT NOT NULL,
    UNIQUE (ts_ns, kind, entity, before, after, source)
);
"""
SCHEMA = 2
"""In the file's `user_version`; the first had none, one row per verdict and no deliveries."""


class Store:
    """One SQLite file in WAL mode, safe to use from any thread. Every write is committed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, timeout=5.0)
            self._db.execute("PRAGMA journal_mode=WAL")
            # Alertmanager forgets an alert once we say 200: it must be on the disk by then.
            self._db.execute("PRAGMA synchronous=FULL")
            _renew(self._db)
        except sqlite3.Error as error:
            raise UsageError(
                f"[watch] database = {str(path)!r} cannot be used: {error}; "
                "name a file that this user may write"
            ) from None

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing."""
        with self._lock, self._db:
            yield self._db

    def read(self, query: str, *values: object) -> list[Row]:
        """All rows of a query."""
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def _renew(db: sqlite3.Connection) -> None:
    """Make the tables; carry over what a file of the first schema holds."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    old = version < SCHEMA and "incidents" in tables
    if version > SCHEMA:
        raise sqlite3.DatabaseError(f"it is of schema {version}, newer than {SCHEMA}")
    script = "BEGIN;"
    if old:
        script += "".join(
            f"ALTER TABLE {name} RENAME TO old_{name};" for name in ("incidents", "verdicts")
        )
        script += "DROP INDEX IF EXISTS waiting; DROP INDEX IF EXISTS verdict_id;"
    script += TABLES
    if old:
        script += CARRY_OVER
    db.executescript(f"{script} PRAGMA user_version = {SCHEMA}; COMMIT;")


CARRY_OVER = """
INSERT INTO incidents (key, group_key, alert, received_ns, seen_ns, looked_ns, state, resolved_ns,
                       ended, final, told, verdict_id)
    SELECT key, json_extract(alert, '$.group_key'), alert, received_ns, received_ns, received_ns,
           state, resolved_ns, CASE WHEN resolved_ns IS NULL THEN '' ELSE 'resolved' END,
           resolved_ns IS NOT NULL AND state = 'answered', published, verdict_id
    FROM old_incidents;
INSERT OR IGNORE INTO verdicts (id, incident, document, folder, told)
    SELECT id, incident, document, folder, 1 FROM old_verdicts ORDER BY number;
DROP TABLE old_verdicts;
DROP TABLE old_incidents;
"""
