"""Incidents and their verdicts: what was accepted is answered once, and again while it lasts."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any, Literal

from analysis.evidence import Alert, Change
from analysis.watch.store import Row, Store

COLUMNS = (
    "key, alert, received_ns, seen_ns, looked_ns, state, resolved_ns, ended, final, told, "
    "verdict_id, EXISTS (SELECT 1 FROM deliveries WHERE incident = key)"
)
Event = Literal["firing", "update", "resolved"]
Ended = Literal["resolved", "superseded", "expired"]


@dataclass(frozen=True)
class Incident:
    """An accepted alert group; `verdict_id` is None until it is answered.

    `told` counts how often people were told of it, `published` is whether all of that arrived,
    `ended` says how it ended: resolved, superseded by a new start of its group, or expired.
    """

    key: str
    alert: Alert
    received_ns: int
    seen_ns: int
    looked_ns: int
    state: str
    resolved_ns: int | None = None
    ended: str = ""
    final: bool = False
    told: int = 0
    verdict_id: str | None = None
    published: bool = True

    def document(self) -> dict[str, Any]:
        """The incident as JSON."""
        return asdict(self)


class Ledger:
    """What `watch` knows of incidents, verdicts and changes, in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)

    def accept(self, key: str, alert: Alert, members: Collection[str] = ()) -> bool:
        """Keep a firing group; False when it goes on with an incident that is known.

        It goes on as long as one of its alerts was there the last time; if none was, the group
        must have been resolved unseen, and its old incident ends here.
        """
        now = time.time_ns()
        with self.store.write() as db:
            if known := _continued(db, key, alert.group_key, members):
                db.execute(
                    "UPDATE incidents SET members = ?, seen_ns = ?, "
                    "resolved_ns = CASE ended WHEN 'expired' THEN NULL ELSE resolved_ns END, "
                    "final = CASE ended WHEN 'expired' THEN 0 ELSE final END, "
                    "ended = CASE ended WHEN 'expired' THEN '' ELSE ended END WHERE key = ?",
                    (json.dumps(sorted(members)), now, known),
                )
                return False
            _end(db, alert.group_key, "superseded", now)
            db.execute(
                "INSERT INTO incidents (key, group_key, alert, members, received_ns, seen_ns, "
                "state) VALUES (?, ?, ?, ?, ?, ?, 'waiting')",
                (key, alert.group_key, json.dumps(asdict(alert), sort_keys=True),
                 json.dumps(sorted(members)), now, now),
            )  # fmt: skip
            return True

    def resolve(self, group_key: str) -> int:
        """End the open incidents of a group; how many there were."""
        with self.store.write() as db:
            return _end(db, group_key, "resolved", time.time_ns())

    def expire(self, before_ns: int) -> int:
        """End open incidents that nobody has spoken of since then; how many there were."""
        with self.store.write() as db:
            ended = db.execute(
                "UPDATE incidents SET resolved_ns = ?, ended = 'expired', final = 1 "
                "WHERE resolved_ns IS NULL AND state = 'answered' AND seen_ns < ?",
                (time.time_ns(), before_ns),
            )
            return ended.rowcount

    def next(self) -> Incident | None:
        """The incident that has waited longest for its first verdict."""
        return self._one("WHERE state = 'waiting' ORDER BY received_ns, key")

    def unfinished(self) -> Incident | None:
        """An answered incident that has ended and has no final verdict yet."""
        return self._one(
            "WHERE state = 'answered' AND resolved_ns IS NOT NULL AND final = 0 "
            "ORDER BY resolved_ns, key"
        )

    def stale(self, looked_before_ns: int, received_after_ns: int) -> Incident | None:
        """The open incident that was looked at longest ago, before `looked_before_ns`."""
        return self._one(
            "WHERE state = 'answered' AND resolved_ns IS NULL AND looked_ns < ? "
            "AND received_ns > ? ORDER BY looked_ns, key",
            looked_before_ns,
            received_after_ns,
        )

    def backlog(self) -> int:
        """How many incidents wait for a verdict."""
        return int(self.store.read("SELECT count(*) FROM incidents WHERE state = 'waiting'")[0][0])

    def open(self) -> int:
        """How many incidents are not over."""
        return int(
            self.store.read("SELECT count(*) FROM incidents WHERE resolved_ns IS NULL")[0][0]
        )

    def answer(
        self,
        incident: Incident,
        verdict: tuple[str, str],
        folder: Path | None,
        *,
        event: Event | None,
        receivers: Collection[str] = (),
    ) -> list[Path]:
        """Store a verdict (id and document) in one transaction with whom to tell of it.

        `folder` holds its evidence; None where that could not be kept. The folders of verdicts
        that this one replaces, and that nobody was told of, are returned: they may go.
        """
        verdict_id, document = verdict
        with self.store.write() as db:
            untold = db.execute(
                "DELETE FROM verdicts WHERE incident = ? AND told = 0 AND id != ? RETURNING folder",
                (incident.key, verdict_id),
            ).fetchall()
            db.execute(
                "INSERT INTO verdicts (id, incident, document, folder, told) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (incident, id) DO UPDATE "
                "SET told = max(told, excluded.told), document = excluded.document",
                (verdict_id, incident.key, document, str(folder or ""), event is not None),
            )
            db.execute(
                "UPDATE incidents SET state = 'answered', verdict_id = ?, looked_ns = ?, "
                "told = told + ?, final = ? WHERE key = ?",
                (verdict_id, time.time_ns(), event is not None,
                 incident.resolved_ns is not None, incident.key),
            )  # fmt: skip
            if event:
                _post(db, incident.key, event, receivers)
        return [Path(row[0]) for row in untold if row[0]]

    def looked(
        self, incident: Incident, *, event: Event | None = None, receivers: Collection[str] = ()
    ) -> None:
        """Remember that a look brought nothing new; tell `event` all the same, if one is given."""
        with self.store.write() as db:
            db.execute(
                "UPDATE incidents SET looked_ns = ?, final = ? WHERE key = ?",
                (time.time_ns(), incident.resolved_ns is not None, incident.key),
            )
            if event:
                _post(db, incident.key, event, receivers)

    def incident(self, key: str) -> Incident | None:
        """One incident."""
        return self._one("WHERE key = ?", key)

    def incidents(self, *, open_only: bool = False, limit: int = 1000) -> list[Incident]:
        """The latest incidents, oldest first."""
        where = "WHERE resolved_ns IS NULL" if open_only else ""
        found = self._many(f"{where} ORDER BY received_ns DESC, key LIMIT ?", limit)
        return found[::-1]

    def verdicts(self, limit: int = 100) -> list[str]:
        """The latest incidents' verdicts as JSON texts, one each, oldest first."""
        rows = self.store.read(
            "SELECT document FROM verdicts WHERE number IN (SELECT max(v.number) FROM verdicts v "
            "JOIN incidents i ON i.key = v.incident AND i.verdict_id = v.id GROUP BY v.incident) "
            "ORDER BY number DESC LIMIT ?",
            limit,
        )
        return [row[0] for row in reversed(rows)]

    def verdict(self, verdict_id: str) -> str | None:
        """One verdict as JSON text."""
        rows = self.store.read(
            "SELECT document FROM verdicts WHERE id = ? ORDER BY number LIMIT 1", verdict_id
        )
        return rows[0][0] if rows else None

    def folder(self, verdict_id: str) -> Path | None:
        """Where the evidence of a verdict lies; None where it was not kept."""
        rows = self.store.read(
            "SELECT folder FROM verdicts WHERE id = ? AND folder != '' ORDER BY number LIMIT 1",
            verdict_id,
        )
        return Path(rows[0][0]) if rows else None

    def open_folders(self) -> set[Path]:
        """The evidence of incidents that are not over."""
        rows = self.store.read(
            "SELECT folder FROM verdicts JOIN incidents ON incidents.key = verdicts.incident "
            "WHERE final = 0"
        )
        return {Path(row[0]) for row in rows if row[0]}

    def forget(self, before_ns: int) -> None:
        """Drop incidents that were over by then, their verdicts, and changes from before it."""
        over = "(SELECT key FROM incidents WHERE final = 1 AND resolved_ns < ?)"
        with self.store.write() as db:
            for table in ("verdicts", "deliveries", "memos"):
                db.execute(f"DELETE FROM {table} WHERE incident IN {over}", (before_ns,))  # noqa: S608  two constants
            db.execute("DELETE FROM incidents WHERE final = 1 AND resolved_ns < ?", (before_ns,))
            db.execute("DELETE FROM changes WHERE ts_ns < ?", (before_ns,))

    def record(self, change: Change) -> None:
        """Keep a posted change; the same one twice is one."""
        with self.store.write() as db:
            db.execute("INSERT OR IGNORE INTO changes VALUES (?, ?, ?, ?, ?, ?)", astuple(change))

    def changes(self, start_ns: int, end_ns: int) -> tuple[Change, ...]:
        """Posted changes of [start_ns, end_ns]."""
        rows = self.store.read(
            "SELECT * FROM changes WHERE ts_ns BETWEEN ? AND ? ORDER BY ts_ns, entity, kind",
            start_ns,
            end_ns,
        )
        return tuple(Change(*row) for row in rows)

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    def _one(self, rest: str, *values: object) -> Incident | None:
        found = self._many(f"{rest} LIMIT 1", *values)
        return found[0] if found else None

    def _many(self, rest: str, *values: object) -> list[Incident]:
        query = f"SELECT {COLUMNS} FROM incidents {rest}"  # noqa: S608  `rest` is written above
        return [_incident(row) for row in self.store.read(query, *values)]


def _continued(
    db: sqlite3.Connection, key: str, group_key: str, members: Collection[str]
) -> str | None:
    """The key of the incident that this notification goes on with."""
    if db.execute("SELECT 1 FROM incidents WHERE key = ?", (key,)).fetchone():
        return key
    rows = db.execute(
        "SELECT key, members FROM incidents WHERE group_key = ? AND resolved_ns IS NULL "
        "ORDER BY received_ns DESC",
        (group_key,),
    )
    now = set(members)
    return next((known for known, was in rows if now & set(json.loads(was))), None)


def _end(db: sqlite3.Connection, group_key: str, how: Ended, now: int) -> int:
    return db.execute(
        "UPDATE incidents SET resolved_ns = ?, ended = ? "
        "WHERE group_key = ? AND resolved_ns IS NULL",
        (now, how, group_key),
    ).rowcount


def _post(db: sqlite3.Connection, key: str, event: Event, receivers: Collection[str]) -> None:
    """Queue one message for each receiver; a newer one takes the place of one not sent yet."""
    for receiver in receivers:
        db.execute(
            "INSERT INTO deliveries VALUES (?, ?, ?, ?, 1) ON CONFLICT (incident, receiver) "
            "DO UPDATE SET event = CASE event WHEN 'firing' THEN "
            "CASE excluded.event WHEN 'update' THEN 'firing' ELSE excluded.event END "
            "ELSE excluded.event END, since_ns = excluded.since_ns, version = version + 1",
            (key, receiver, event, time.time_ns()),
        )


def _incident(row: Row) -> Incident:
    key, alert, received, seen, looked, state, resolved, ended, final, told, verdict_id, due = row
    return Incident(
        key, Alert(**json.loads(alert)), received, seen, looked, state, resolved, ended,
        bool(final), told, verdict_id, state == "answered" and not due,
    )  # fmt: skip
