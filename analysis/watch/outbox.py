"""The thread that tells people: what could not be delivered is tried again, with patience."""

from __future__ import annotations

import logging
import queue
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from analysis.config import WatchSection
from analysis.evidence import SECOND
from analysis.verdict import Verdict
from analysis.watch.ledger import Incident, Ledger
from analysis.watch.publish import Publisher, annotation_payload
from exporters.catalog import stack
from exporters.exposition import Registry

IDLE_SECONDS = 1.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
GIVE_UP_SECONDS = 900.0
"""Real time, whatever the time scale: nobody wants to be paged about what was long ago."""
FAREWELL_SECONDS = 5.0
"""How long what was never tried is still sent after `stop`."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Letter:
    """One thing to tell about one incident; `send` says whether it arrived."""

    what: str
    incident: Incident
    send: Callable[[], bool]
    settle: Callable[[], object]

    @property
    def key(self) -> tuple[str, str, int | None]:
        return self.what, self.incident.key, self.incident.resolved_ns

    @property
    def age_seconds(self) -> float:
        since = max(self.incident.received_ns, self.incident.resolved_ns or 0)
        return (time.time_ns() - since) / SECOND


@dataclass
class Pause:
    """How often a letter came back, and when it is due again."""

    tries: int = 0
    due: float = 0.0

    def lengthen(self) -> None:
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self.tries)
        self.due = time.monotonic() + random.uniform(0.5, 1.0) * longest
        self.tries += 1


class Outbox:
    """Sends the ledger's unpublished pages, and one annotation for each new verdict.

    Pages survive a restart, since the ledger knows which are unsent; annotations do not.
    """

    def __init__(self, section: WatchSection, ledger: Ledger, registry: Registry) -> None:
        self._ledger = ledger
        self._registry = registry
        self._publisher = Publisher(section)
        self._answered: queue.SimpleQueue[tuple[Incident, Verdict]] = queue.SimpleQueue()
        self._annotations: dict[str, Letter] = {}
        self._pauses: dict[tuple[str, str, int | None], Pause] = {}
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin with what a former process left unsent."""
        self._thread.start()

    def wake(self) -> None:
        """Look at the ledger now."""
        self._wake.set()

    def annotate(self, incident: Incident, verdict: Verdict) -> None:
        """Tell Grafana of a new verdict, too."""
        self._answered.put((incident, verdict))

    def stop(self) -> None:
        """Send what was never tried yet, while that is quick; pages left over stay unpublished."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(2 * FAREWELL_SECONDS)
        self._publisher.close()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            self._round(lambda _: not self._stop.is_set())
            self._wake.wait(self._until_due())
        farewell = time.monotonic() + FAREWELL_SECONDS
        self._round(lambda pause: pause.tries == 0 and time.monotonic() < farewell)

    def _round(self, wanted: Callable[[Pause], bool]) -> None:
        try:
            self._try_all(wanted)
        except sqlite3.Error:
            log.exception("the ledger could not be read; trying again")

    def _try_all(self, wanted: Callable[[Pause], bool]) -> None:
        """Try every letter that is due, those that came back least often first."""
        letters = {letter.key: letter for letter in self._letters()}
        self._pauses = {key: self._pauses.get(key, Pause()) for key in letters}
        for key in sorted(letters, key=lambda key: self._pauses[key].tries):
            pause = self._pauses[key]
            if pause.due <= time.monotonic() and wanted(pause):
                self._try(letters[key], pause)

    def _try(self, letter: Letter, pause: Pause) -> None:
        try:
            sent = letter.send()
        except Exception:
            # One page that cannot be written must never keep back all that follow.
            log.exception("the %s of %s failed", letter.what, letter.incident.verdict_id)
            sent = False
        if letter.what == "page":
            self._registry.counter(stack.PAGES).inc(1, "sent" if sent else "failed")
        if sent:
            letter.settle()
            return
        pause.lengthen()
        if letter.age_seconds > GIVE_UP_SECONDS:
            log.error("the %s of %s is given up", letter.what, letter.incident.verdict_id)
            letter.settle()

    def _letters(self) -> Iterator[Letter]:
        for incident in self._ledger.unpublished():
            yield self._page(incident)
        while not self._answered.empty():
            incident, verdict = self._answered.get()
            self._annotations[incident.key] = self._annotation(incident, verdict)
        yield from list(self._annotations.values())

    def _page(self, incident: Incident) -> Letter:
        def send() -> bool:
            document = incident.verdict_id and self._ledger.verdict(incident.verdict_id)
            # Without a verdict there is nothing to tell: count it as told.
            return not document or self._publisher.page(incident, Verdict.from_json(document))

        return Letter("page", incident, send, lambda: self._ledger.mark_published(incident))

    def _annotation(self, incident: Incident, verdict: Verdict) -> Letter:
        payload = annotation_payload(verdict)
        return Letter(
            "annotation", incident,
            lambda: self._publisher.annotate(payload),
            lambda: self._annotations.pop(incident.key, None),
        )  # fmt: skip

    def _until_due(self) -> float:
        now = time.monotonic()
        return min([IDLE_SECONDS, *(p.due - now for p in self._pauses.values() if p.due > now)])
