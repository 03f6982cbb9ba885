"""Which devices there are: enumerated, added, missed, and the driver taken up again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

import exporters.catalog.gpu as signals
from exporters.errors import BusySignalError
from exporters.exposition.registry import Registry
from exporters.gpu.devices import SAMPLE, WatchedDevice
from exporters.gpu.events import EventWatcher
from exporters.gpu.nvml import DriverChangedError, DriverGoneError, Nvml, NvmlError
from exporters.gpu.worker import Gate

log = logging.getLogger(__name__)

PROC: Final = Path("/proc/driver/nvidia")
ALONE_SECONDS: Final = 2.0
"""How long a reload waits for readers to come out of the driver, who may not go in meanwhile."""
RETRY_SECONDS: Final = 30.0
"""After how long a reload that could not be is tried again."""


class Fleet:
    """The devices of the machine; `enumerate` belongs to one thread, the rest to any."""

    def __init__(
        self,
        nvml: Nvml,
        gate: Gate,
        events: EventWatcher,
        registry: Registry,
        watch: Callable[[int], WatchedDevice],
        clock: Callable[[], float],
        on_failure: Callable[[], object] | None = None,
        proc: Path = PROC,
    ) -> None:
        self.gate, self.events = gate, events
        self.count = 0
        self.most_seen = 0
        self.counted_at = float("-inf")
        self.devices: tuple[WatchedDevice, ...] = ()
        self.failure: BusySignalError | None = None
        self._nvml, self._watch, self._proc = nvml, watch, proc
        self._clock, self._on_failure = clock, on_failure
        self._failures = registry.counter(signals.NVML_ERRORS)
        self._reloads = registry.counter(signals.DRIVER_RELOADS)
        self._driver = _driver(proc)
        self._reload_reason = ""
        self._reload_not_before = float("-inf")
        self._is_broken = False

    def has(self, index: int) -> bool:
        """Whether the driver lists this device now."""
        return index < self.count

    def ask_for_reload(self, reason: str) -> None:
        """Have the driver taken up again before the next enumeration."""
        self._reload_reason = self._reload_reason or reason

    def enumerate(self) -> None:
        """Count the devices and begin to read new ones; reload the driver where it must be."""
        try:
            if self.failure is None:
                self._enumerate()
            self._is_broken = False
        except Exception as error:  # the thread must outlive whatever a driver's answer leads to
            self._failures.inc(1, SAMPLE, type(error).__name__)
            if not self._is_broken:
                log.exception("the devices could not be counted; trying on")
            self._is_broken = True

    def _enumerate(self) -> None:
        driver = _driver(self._proc)
        if driver != self._driver:
            self.ask_for_reload("the driver or its devices changed")
            self._driver = driver
        if self._reload_reason and self._clock() >= self._reload_not_before:
            self._reload()
        try:
            with self.gate.shared():
                count = self._nvml.count()
        except NvmlError as error:
            self._failures.inc(1, error.call, error.error)
            if isinstance(error, DriverGoneError):
                self.ask_for_reload(str(error))
            return  # the same devices, which then answer or do not
        self._found(count)

    def _found(self, count: int) -> None:
        if count != self.count:
            log.info("there are %d GPUs, after %d", count, self.count)
        self.count, self.most_seen = count, max(count, self.most_seen)
        self.counted_at = self._clock()
        new = range(len(self.devices), count)
        self.devices += tuple(self._watch(index) for index in new)

    def _reload(self) -> None:
        with self.gate.alone(ALONE_SECONDS) as is_alone:
            if not is_alone:  # a hanging call may still use what a reload would take away
                log.warning("the driver is not reloaded while a call hangs in it")
                self._reload_not_before = self._clock() + RETRY_SECONDS
                return
            for device in self.devices:
                device.release()
            self.events.forget()
            try:
                self._nvml.reload()
            except DriverChangedError as error:
                self._fail(error)
                return
            except DriverGoneError as error:
                log.warning("no driver answers: %s", error)
                return
            log.warning("took up the driver again: %s", self._reload_reason)
            self._reload_reason = ""
            self._reloads.inc()
            self.events.renew()

    def _fail(self, error: BusySignalError) -> None:
        self.failure, self.count = error, 0
        log.critical("%s", error)
        if self._on_failure is not None:
            self._on_failure()


def _driver(proc: Path) -> tuple[str, tuple[str, ...]]:
    """What the kernel says of the driver and its devices; nothing where there is no driver."""
    try:
        version = (proc / "version").read_text(encoding="utf-8")
        return version, tuple(sorted(path.name for path in (proc / "gpus").iterdir()))
    except OSError:
        return "", ()
