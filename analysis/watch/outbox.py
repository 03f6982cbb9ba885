"""Threads that tell people, one for each receiver: what did not arrive is tried again."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.similar import Similar
from analysis.verdict import Verdict
from analysis.watch.deliveries import Deliveries, Delivery
from analysis.watch.ledger import Ledger
from analysis.watch.senders import Notice, Sender
from exporters.catalog import stack
from exporters.chance import CHANCE
from exporters.exposition import Registry

IDLE_SECONDS = 1.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
GIVE_UP_SECONDS = 900.0
"""Real time, whatever the time scale: nobody wants to be paged about what was long ago."""
FAREWELL_SECONDS = 5.0
"""How long what was never tried is still sent after `stop`."""
PAGER = "pager"

Remember = Callable[[str, Verdict], tuple[Similar, ...]]
"""Past incidents like this one, by its key and its verdict."""

log = logging.getLogger(__name__)


@dataclass
class Pause:
    """How often a message came back, and when it is due again."""

    tries: int = 0
    due: float = 0.0

    def lengthen(self) -> None:
        """Twice as long as the last time, and never all at once."""
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self.tries)
        self.due = time.monotonic() + CHANCE.uniform(0.5, 1.0) * longest
        self.tries += 1


class Outbox:
    """Sends what the ledger holds for each receiver; a receiver that hangs holds up no other."""

    def __init__(
        self, ledger: Ledger, registry: Registry, senders: Sequence[Sender], remember: Remember
    ) -> None:
        self.receivers = tuple(sender.name for sender in senders)
        Deliveries(ledger.store).drop_strangers(self.receivers)
        self._lanes = [_Lane(sender, ledger, registry, remember) for sender in senders]

    def start(self) -> None:
        """Begin with what a former process left unsent."""
        for lane in self._lanes:
            lane.thread.start()

    def wake(self) -> None:
        """Look at the ledger now."""
        for lane in self._lanes:
            lane.wake.set()

    def stop(self) -> None:
        """Send what was never tried yet, while that is quick; the rest stays in the ledger."""
        for lane in self._lanes:
            lane.stopping.set()
            lane.wake.set()
        for lane in self._lanes:
            lane.finish()

    @property
    def alive(self) -> bool:
        return all(lane.thread.is_alive() for lane in self._lanes)


class _Lane:
    """One receiver's thread."""

    def __init__(
        self, sender: Sender, ledger: Ledger, registry: Registry, remember: Remember
    ) -> None:
        self._sender = sender
        self._ledger = ledger
        self._deliveries = Deliveries(ledger.store)
        self._registry = registry
        self._remember = remember
        self._pauses: dict[tuple[str, int], Pause] = {}
        self.wake = threading.Event()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"outbox {sender.name}", daemon=True)

    def finish(self) -> None:
        if self.thread.is_alive():
            self.thread.join(2 * FAREWELL_SECONDS)
        self._sender.close()

    def _run(self) -> None:
        while not self.stopping.is_set():
            self.wake.clear()
            self._round(lambda _: not self.stopping.is_set())
            self.wake.wait(self._until_due())
        farewell = time.monotonic() + FAREWELL_SECONDS
        self._round(lambda pause: pause.tries == 0 and time.monotonic() < farewell)

    def _round(self, wanted: Callable[[Pause], bool]) -> None:
        try:
            self._try_all(wanted)
        except sqlite3.Error:
            log.exception("the ledger could not be read; trying again")

    def _try_all(self, wanted: Callable[[Pause], bool]) -> None:
        """Try every message that is due, those that came back least often first."""
        pending = {(d.incident, d.version): d for d in self._deliveries.pending(self._sender.name)}
        self._pauses = {key: self._pauses.get(key, Pause()) for key in pending}
        for key in sorted(pending, key=lambda key: self._pauses[key].tries):
            pause = self._pauses[key]
            if pause.due <= time.monotonic() and wanted(pause):
                self._try(pending[key], pause)

    def _try(self, delivery: Delivery, pause: Pause) -> None:
        what = f"{delivery.event} of incident {delivery.incident} to {delivery.receiver}"
        try:
            sent = self._send(delivery)
        except Exception:
            # One message that cannot be written must never keep back all that follow.
            log.exception("%s failed", what)
            sent = False
        self._count("sent" if sent else "failed")
        if sent:
            return
        pause.lengthen()
        if delivery.age_seconds > GIVE_UP_SECONDS:
            log.error("%s is given up", what)
            self._deliveries.settle(delivery)

    def _send(self, delivery: Delivery) -> bool:
        incident = self._ledger.incident(delivery.incident)
        document = incident and incident.verdict_id and self._ledger.verdict(incident.verdict_id)
        if incident is None or not document:
            self._deliveries.settle(delivery)  # nothing to tell: it was forgotten meanwhile
            return True
        verdict = Verdict.from_json(document)
        memo = self._deliveries.memo(incident.key, delivery.receiver)
        similar = self._remember(incident.key, verdict)
        receipt = self._sender.send(Notice(delivery.event, incident, verdict, similar, memo))
        if receipt is None:
            return False
        self._deliveries.settle(delivery, receipt.memo)
        return True

    def _count(self, result: str) -> None:
        self._registry.counter(stack.DELIVERIES).inc(1, self._sender.name, result)
        if self._sender.name == PAGER:
            self._registry.counter(stack.PAGES).inc(1, result)

    def _until_due(self) -> float:
        now = time.monotonic()
        return min([IDLE_SECONDS, *(p.due - now for p in self._pauses.values() if p.due > now)])
