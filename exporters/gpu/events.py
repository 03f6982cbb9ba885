"""What the driver tells as it happens, from one thread that waits in it."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from exporters.catalog.gpu_health import GPU_EVENTS, GPU_XID_ERRORS, XID_LAST
from exporters.exposition.registry import Registry
from exporters.gpu.nvml import AbsentError, EventSet, Handle, NvmlError, events
from exporters.gpu.nvml.events import XID, Event
from exporters.gpu.reading.tally import ABSENT, DENIED, ERROR, SUPPORTED
from exporters.gpu.worker import Gate

log = logging.getLogger(__name__)

KNOWN_XIDS: Final = (
    13, 31, 43, 45,  # an application's fault: exception, page fault, stopped, preempted
    48, 61, 62, 63, 64, 74, 79, 92, 94, 95, 119, 120, 149, 154,  # memory, links, bus, firmware
)  # fmt: skip
"""Codes with series of their own (NVIDIA, XID Errors); others are counted as `_other`."""

OTHER: Final = "_other"
WAIT_SECONDS: Final = 0.5
CLOSE_SECONDS: Final = 5.0
"""How long a wait in the driver that does not end when it should keeps `close` waiting."""


class EventWatcher:
    """Counts XID errors and other events per device.

    All of a device's series begin at 0 when it is first seen, so that `increase()` sees the first.
    """

    def __init__(self, registry: Registry, gate: Gate) -> None:
        self._xids = registry.counter(GPU_XID_ERRORS)
        self._last = registry.gauge(XID_LAST)
        self._others = registry.counter(GPU_EVENTS)
        self._gate = gate
        self._index_of: dict[int, int] = {}
        self._outcome_of: dict[int, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gpu-events", daemon=True)
        self._events = _event_set()

    def start(self) -> None:
        """Begin to wait for events."""
        self._thread.start()

    def close(self) -> bool:
        """Stop listening within half a second; False if the driver holds the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            log.error("the driver did not end its wait for events within %g s", CLOSE_SECONDS)
            return False  # it may still write into the event set
        self._free()
        return True

    def watch(self, index: int, handle: Handle) -> str:
        """Listen to a device; returns what became of it. One without events gets no series."""
        # No lock: each device's own thread comes here, and a call that hangs must hold up no other.
        if self._events is None:
            return ABSENT
        address = events.address(handle)
        if self._index_of.get(address) != index:
            self._outcome_of[index] = self._register(index, handle, self._events)
            self._index_of[address] = index
        return self._outcome_of[index]

    def forget(self) -> None:
        """Let go of the driver, of whose devices none is known any more; counts are kept."""
        self._free()
        self._index_of.clear()
        self._outcome_of.clear()

    def renew(self) -> None:
        """Take the driver up again."""
        self._events = _event_set()

    def _register(self, index: int, handle: Handle, event_set: EventSet) -> str:
        try:
            told = events.listen(handle, event_set)
        except NvmlError as error:
            log.warning("GPU %d tells no events: %s", index, error)
            return _outcome(error)
        gpu = str(index)
        if XID in told:
            for code in (*KNOWN_XIDS, OTHER):
                self._xids.labels(gpu, str(code))
        for kind in sorted(told - {XID}):
            self._others.labels(gpu, kind)
        return SUPPORTED

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._gate.shared():
                    told = self._next()
                if told is not None:
                    self._count(told)
            except Exception as error:  # noqa: BLE001 - an odd answer must not end the listening
                log.warning("events cannot be read: %s", error)
                self._stop.wait(WAIT_SECONDS)

    def _next(self) -> Event | None:
        if self._events is None:
            self._stop.wait(WAIT_SECONDS)
            return None
        return events.wait(self._events, WAIT_SECONDS)

    def _count(self, told: Event) -> None:
        index = self._index_of.get(told.address)
        if index is None:
            return
        gpu = str(index)
        if told.kind == XID:
            log.warning("GPU %d raised XID %d", index, told.data)
            xid = str(told.data) if told.data in KNOWN_XIDS else OTHER
            self._xids.inc(1, gpu, xid)
            self._last.set(time.time(), gpu, xid)
        elif told.kind:
            log.warning("GPU %d told %s", index, told.kind)
            self._others.inc(1, gpu, told.kind)

    def last_xids(self) -> dict[str, int]:
        """The code of each device's last XID error, 0 before the first; none that has no series."""
        last: dict[str, int] = {gpu: 0 for (gpu, _), _ in self._xids.children()}
        raised = sorted((child.value, gpu, xid) for (gpu, xid), child in self._last.children())
        for _, gpu, xid in raised:
            last.pop(gpu, None)
            if xid != OTHER:
                last[gpu] = int(xid)
        return last

    def _free(self) -> None:
        event_set, self._events = self._events, None
        if event_set is not None:
            try:
                events.free(event_set)
            except NvmlError as error:  # of a driver that is gone
                log.debug("the event set could not be given back: %s", error)


def _outcome(error: NvmlError) -> str:
    if isinstance(error, AbsentError):
        return ABSENT
    return DENIED if error.error == "no_permission" else ERROR


def _event_set() -> EventSet | None:
    try:
        return events.event_set()
    except NvmlError as error:  # drivers on Windows' Linux have none
        log.warning("no events can be read here: %s", error)
        return None
