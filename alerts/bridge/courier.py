"""One thread for each receiver: what it does not take is tried again, with patience and jitter."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

from alerts.bridge.services import NotTakenError
from exporters.catalog import bridge
from exporters.chance import CHANCE

if TYPE_CHECKING:
    import httpx

    from alerts.bridge.config import BridgeSection
    from alerts.bridge.outbox import Outbox, Waiting
    from alerts.bridge.services import Service
    from exporters.exposition import Registry

FIRST_PAUSE = 0.5
IDLE_SECONDS = 1.0

log = logging.getLogger(__name__)


class Courier:
    """Tells one receiver what waits for it, in the order it is due."""

    def __init__(
        self,
        name: str,
        service: Service,
        client: httpx.Client,
        section: BridgeSection,
        outbox: Outbox,
        registry: Registry,
    ) -> None:
        self._name = name
        self._service = service
        self._longest = section.longest_pause_seconds
        self._outbox = outbox
        self._registry = registry
        self._client = client
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"tells {name}", daemon=True)

    def start(self) -> None:
        """Begin with what a former process left untold."""
        self._thread.start()

    def wake(self) -> None:
        """Look at the outbox now."""
        self._wake.set()

    def stop(self, seconds: float) -> None:
        """Finish the message in hand; the rest stays in the outbox."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def show(self) -> None:
        """Bring the gauges in line with the outbox."""
        count, oldest = self._outbox.waiting(self._name)
        self._registry.gauge(bridge.WAITING).set(count, self._name)
        self._registry.gauge(bridge.OLDEST).set(max(0.0, time.time() - oldest), self._name)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                pause = self._step()
            except sqlite3.Error:
                log.exception("the outbox could not be read; trying again")
                pause = IDLE_SECONDS
            if pause:
                self._wake.wait(pause)

    def _step(self) -> float:
        """Try what is due; returns how long to wait for the next."""
        self.show()
        waiting = self._outbox.next(self._name)
        if waiting is None:
            return IDLE_SECONDS
        if waiting.due > time.time():
            return min(IDLE_SECONDS, waiting.due - time.time())
        self._tell(waiting)
        return 0.0

    def _tell(self, waiting: Waiting) -> None:
        try:
            self._service.send(self._client, waiting.note)
        except NotTakenError as error:
            self._postpone(waiting, str(error), error.wait_seconds)
        except Exception as error:
            # One message that cannot be written must never keep back all that follow.
            log.exception("%s could not be told of %s", self._name, waiting.note.key)
            self._postpone(waiting, type(error).__name__, self._longest)
        else:
            self._outbox.told(waiting)
            self._registry.counter(bridge.DELIVERIES).inc(1, self._name, "told")
        self.show()

    def _postpone(self, waiting: Waiting, why: str, at_least: float) -> None:
        longest = min(self._longest, FIRST_PAUSE * 2 ** min(waiting.tries, 20))
        pause = at_least + CHANCE.uniform(0.5, 1.0) * longest
        log.warning("%s was not told of %s: %s", self._name, waiting.note.key, why)
        self._outbox.postpone(waiting, time.time() + pause)
        self._registry.counter(bridge.DELIVERIES).inc(1, self._name, "failed")
