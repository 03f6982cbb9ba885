"""XID errors as they happen, from one thread that waits in the driver."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Mapping
from typing import Final

from exporters.catalog.gpu import GPU_XID_ERRORS
from exporters.exposition import Registry
from exporters.gpu.nvml import EventSet, Handle, Nvml, NvmlError

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


class XidWatcher:
    """Counts XID errors per device.

    All of a device's series begin at 0 when it is first seen, so that `increase()` sees the first.
    """

    def __init__(self, nvml: Nvml, registry: Registry) -> None:
        self._nvml = nvml
        self._counts = registry.counter(GPU_XID_ERRORS)
        self._events = _event_set(nvml)
        self._seen: set[int] = set()
        self._index_of: dict[int, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="xid-events", daemon=True)

    def start(self) -> None:
        if self._events is not None:
            self._thread.start()

    def close(self) -> bool:
        """Stop listening within half a second; False if the driver holds the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            log.error("the driver did not end its wait for XID errors within %g s", CLOSE_SECONDS)
            return False  # it may still write into the event set
        if self._events is not None:
            with contextlib.suppress(NvmlError):  # of a driver that is gone
                self._nvml.free(self._events)
        return True

    def watch(self, handles: Mapping[int, Handle]) -> None:
        """Listen to devices not seen before; one that has no events gets no series."""
        if self._events is None:
            return
        for index, handle in handles.items():
            if index not in self._seen:
                self._seen.add(index)
                self._register(index, handle, self._events)

    def _register(self, index: int, handle: Handle, events: EventSet) -> None:
        try:
            self._nvml.listen_for_xids(handle, events)
        except NvmlError as error:
            log.warning("GPU %d tells no XID errors: %s", index, error)
            return
        self._index_of[self._nvml.address(handle)] = index
        for code in (*KNOWN_XIDS, OTHER):
            self._counts.labels(str(index), str(code))

    def _run(self) -> None:
        assert self._events is not None
        while not self._stop.is_set():
            try:
                event = self._nvml.next_xid(self._events, WAIT_SECONDS)
                if event is not None:
                    self._count(*event)
            except Exception as error:  # noqa: BLE001 - an odd answer must not end the listening
                log.warning("XID errors cannot be read: %s", error)
                self._stop.wait(WAIT_SECONDS)

    def _count(self, address: int, code: int) -> None:
        index = self._index_of.get(address)
        if index is None:
            return
        log.warning("GPU %d raised XID %d", index, code)
        self._counts.inc(1, str(index), str(code) if code in KNOWN_XIDS else OTHER)


def _event_set(nvml: Nvml) -> EventSet | None:
    try:
        return nvml.event_set()
    except NvmlError as error:  # drivers on Windows' Linux have none
        log.warning("no XID errors can be read here: %s", error)
        return None
