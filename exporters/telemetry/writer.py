"""The thread that carries spans and logs from the queue to the sink, or to the spool meanwhile."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from exporters.telemetry.document import Kind, Line, LogEntry
from exporters.telemetry.gates import Gates, backoff
from exporters.telemetry.queue import BoundedQueue
from exporters.telemetry.section import TelemetrySection
from exporters.telemetry.shapes import Shape
from exporters.telemetry.sink import Outcome, Sink
from exporters.telemetry.spool import Spool
from exporters.telemetry.tail import Kept, TailSampler
from exporters.telemetry.tally import Tally

log = logging.getLogger(__name__)

ADOPT_SECONDS = 60.0
"""Between two looks for spools whose processes are gone."""

Item = ReadableSpan | LogEntry | threading.Event
"""An event in the queue is set once all that was put before it has been handled."""


class Writer:
    """Live documents go first; the spool is replayed while the sink answers."""

    def __init__(
        self, section: TelemetrySection, shape: Shape, sink: Sink, spool: Spool, tally: Tally
    ) -> None:
        self._section = section
        self._shape = shape
        self._sink = sink
        self._spool = spool
        self._tally = tally
        self._tail = TailSampler(section, tally.sampled_out) if section.tail_one_in > 1 else None
        self._gates = Gates(section.backoff_seconds, section.backoff_cap_seconds)
        self._broken_replays = 0
        self._next_replay = 0.0
        self._next_adoption = 0.0
        self._closing = threading.Event()
        self.queue: BoundedQueue[Item] = BoundedQueue(
            section.queue_size, section.batch_size, self._refuse
        )
        self.thread = threading.Thread(target=self._run, name="telemetry-writer", daemon=True)
        tally.spooled(spool.size)

    def start(self) -> None:
        """Begin; nothing is sent in the caller's thread."""
        self.thread.start()

    def flush(self, seconds: float) -> bool:
        """Wait until all that was put so far is written; False if it still waits."""
        deadline = time.monotonic() + seconds
        handled = threading.Event()
        self.queue.put(handled)
        self.queue.wake()
        if not handled.wait(seconds):
            return False
        while self._spool.size and time.monotonic() < deadline:
            time.sleep(0.01)
        return not self._spool.size

    def close(self) -> None:
        """Write or spool everything, then end. Takes as long as a request may, and no longer."""
        self._closing.set()
        self.queue.close()
        patience = self._section.shutdown_seconds + 3 * self._section.timeout_seconds
        self.thread.join(patience)
        if self.thread.is_alive():
            log.error("%s kept the last spans and logs for %g s", self._sink.name, patience)

    @property
    def is_closing(self) -> bool:
        return self._closing.is_set()

    def forsake(self) -> None:
        """In a forked child: the thread, the queue and the spool are the parent's."""
        self._spool.close()

    def _refuse(self, item: Item) -> None:
        if isinstance(item, threading.Event):
            item.set()
        else:
            self._tally.drop(_kind(item), "queue_full")

    def _run(self) -> None:
        while not self._closing.is_set():
            self._step(self.queue.take(self._pause()))
        while len(self.queue):
            self._step(self.queue.take(0))
        self._finish()
        self._sink.close()
        self._spool.close()

    def _finish(self) -> None:
        deadline = time.monotonic() + self._section.shutdown_seconds
        if self._tail is not None:
            self._deliver(self._encode(self._tail.drain()))
        # A sink that is away keeps us no longer: the spool is read at the next start.
        while self._spool.size and time.monotonic() < deadline:
            if self._gates.is_hopeless(self._spool.indices):
                break
            time.sleep(max(0.0, min(self._replay_at, deadline) - time.monotonic()))
            self._try_replay()

    def _pause(self) -> float:
        if not self._spool.size:
            return self._section.flush_seconds
        return min(self._section.flush_seconds, max(0.0, self._replay_at - time.monotonic()))

    @property
    def _replay_at(self) -> float:
        return max(self._next_replay, self._gates.opens(self._spool.indices))

    def _step(self, items: Sequence[Item]) -> None:
        try:
            self._deliver(self._encode(self._sampled(items)))
        except Exception:  # the thread must outlive whatever a library throws at it
            log.exception("spans and logs could not be handled")
            for item in items:
                if not isinstance(item, threading.Event):
                    self._tally.drop(_kind(item), "poison")
        self._try_replay()
        for item in items:
            if isinstance(item, threading.Event):
                item.set()

    def _sampled(self, items: Iterable[Item]) -> Iterator[LogEntry | Kept]:
        tail = self._tail
        is_asked = False
        for item in items:
            if isinstance(item, LogEntry):
                yield item
            elif isinstance(item, threading.Event):
                is_asked = True
            elif tail is None:
                yield item, 1.0
            else:
                yield from tail.take(item)
        if tail is not None:
            yield from tail.drain() if is_asked else tail.tick()

    def _encode(self, items: Iterable[LogEntry | Kept]) -> list[Line]:
        lines: list[Line] = []
        for item in items:
            try:
                if isinstance(item, LogEntry):
                    lines.append(self._shape.log(item))
                else:
                    lines.extend(self._shape.span(*item))
            except Exception as error:  # noqa: BLE001 - an attribute may be anybody's object
                log.warning("a %s cannot be written: %s", _kind(item), type(error).__name__)
                self._tally.drop(_kind(item), "poison")
        return lines

    def _deliver(self, lines: list[Line]) -> None:
        ready = lines
        if not self._gates.all_open:
            is_open = {index: self._gates.is_open(index) for index in {i.index for i in lines}}
            ready = [line for line in lines if is_open[line.index]]
            self._keep([line for line in lines if not is_open[line.index]])
        if ready:
            outcome = self._sink.write(ready)
            self._keep(outcome.later)
            self._note(outcome)

    def _try_replay(self) -> None:
        """Replay when it is time; where that fails, live documents go on without it."""
        if time.monotonic() < self._replay_at:
            return
        try:
            self._replay()
            self._broken_replays = 0
        except Exception:  # what was spooled must not cost what was just delivered
            log.exception("the spool could not be replayed")
            self._next_replay = time.monotonic() + backoff(
                self._broken_replays,
                self._section.backoff_seconds,
                self._section.backoff_cap_seconds,
            )
            self._broken_replays += 1

    def _replay(self) -> None:
        if (segment := self._spool.oldest(self._gates.is_open)) is not None:
            path, lines = segment
            outcome = self._sink.write(lines)
            self._note(outcome)
            self._spool.settle(path, outcome.later)
        elif time.monotonic() >= self._next_adoption and not self._spool.adopt():
            self._next_adoption = time.monotonic() + ADOPT_SECONDS
        self._tally.spooled(self._spool.size)

    def _keep(self, lines: Sequence[Line]) -> None:
        if lines:
            self._tally.dropped(self._spool.append(lines), "spool_full")
            self._tally.spooled(self._spool.size)

    def _note(self, outcome: Outcome) -> None:
        self._tally.written(outcome.written)
        for line, reason in outcome.poison:
            log.warning("%s refused a %s: %s", self._sink.name, line.kind, reason)
            self._spool.set_aside(line, reason)
            self._tally.dropped([line], "poison")
        for kind, count, reason in outcome.refused:
            log.warning("%s refused %d %ss: %s", self._sink.name, count, kind, reason)
            self._tally.drop(kind, "poison", count)
        self._tell(outcome)
        self._gates.note(outcome)

    def _tell(self, outcome: Outcome) -> None:
        """Log the first trouble of an outage and its end, not every try between."""
        before = self._gates.place.failures
        if outcome.trouble is None and before:
            log.warning("%s takes spans and logs again", self._sink.name)
        elif outcome.trouble is not None and not before:
            log.warning(
                "%s is %s (%s); spans and logs wait in %s",
                self._sink.name, outcome.trouble.kind, outcome.trouble.why, self._spool.folder,
            )  # fmt: skip
        for index, trouble in outcome.blocked.items():
            if not self._gates.is_known(index):
                log.warning(
                    "%s does not take %s (%s); its documents wait in %s",
                    self._sink.name, index, trouble.why, self._spool.folder,
                )  # fmt: skip


def _kind(item: Any) -> Kind:
    return "log" if isinstance(item, LogEntry) else "span"
