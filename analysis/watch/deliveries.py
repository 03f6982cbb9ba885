"""What is still to be told, and to whom: on the disk until it has arrived."""

from __future__ import annotations

import time
from dataclasses import dataclass

from analysis.evidence import SECOND
from analysis.watch.ledger import Event
from analysis.watch.store import Store


@dataclass(frozen=True)
class Delivery:
    """One message about one incident that one receiver has not got yet.

    `version` grows when something newer is to be told in its stead.
    """

    incident: str
    receiver: str
    event: Event
    since_ns: int
    version: int

    @property
    def age_seconds(self) -> float:
        return (time.time_ns() - self.since_ns) / SECOND


class Deliveries:
    """The open messages of all receivers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def pending(self, receiver: str, limit: int = 1000) -> list[Delivery]:
        """What a receiver has not got yet, oldest first."""
        rows = self._store.read(
            "SELECT * FROM deliveries WHERE receiver = ? ORDER BY since_ns, incident LIMIT ?",
            receiver,
            limit,
        )
        return [Delivery(*row) for row in rows]

    def settle(self, delivery: Delivery, memo: str | None = None) -> None:
        """It arrived (or is given up): forget it, unless there is something newer by now."""
        with self._store.write() as db:
            db.execute(
                "DELETE FROM deliveries WHERE incident = ? AND receiver = ? AND version = ?",
                (delivery.incident, delivery.receiver, delivery.version),
            )
            if memo is not None:
                db.execute(
                    "INSERT OR REPLACE INTO memos VALUES (?, ?, ?)",
                    (delivery.incident, delivery.receiver, memo),
                )

    def memo(self, incident: str, receiver: str) -> str | None:
        """What the receiver's last message left to remember."""
        rows = self._store.read(
            "SELECT memo FROM memos WHERE incident = ? AND receiver = ?", incident, receiver
        )
        return rows[0][0] if rows else None

    def drop_strangers(self, receivers: tuple[str, ...]) -> None:
        """Forget what was meant for receivers that the config no longer names."""
        marks = ", ".join("?" * len(receivers))
        with self._store.write() as db:
            db.execute(f"DELETE FROM deliveries WHERE receiver NOT IN ({marks})", receivers)  # noqa: S608  question marks
