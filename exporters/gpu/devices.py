"""One device as the exporter knows it: its thread, its latest readings, its part of the page."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import exporters.catalog.gpu as signals
from exporters.exposition.registry import Registry
from exporters.gpu.nvml import DriverGoneError, Nvml, NvmlError
from exporters.gpu.page import DevicePage, Fragments
from exporters.gpu.reading import DeviceReader
from exporters.gpu.snapshot import Device, Readings
from exporters.gpu.worker import Worker

if TYPE_CHECKING:
    from exporters.gpu.fleet import Fleet

log = logging.getLogger(__name__)

NOTHING: Final[Fragments] = {}
REFUSED: Final = Readings({signals.GPU_FAMILY_STATUS.name: {("device", "denied"): 1.0}})
SAMPLE: Final = "sample"
"""What stands for the NVML call where an answer could not be made sense of."""


class WatchedDevice:
    """Reads one device whenever its worker is woken, and keeps what it found."""

    def __init__(
        self,
        nvml: Nvml,
        index: int,
        registry: Registry,
        fleet: Fleet,
        *,
        slow_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self.gpu = str(index)
        self.index = index
        self.fragments: Fragments = NOTHING
        self.taken_at = clock()
        self._known = Device(index)
        self._clock = clock
        self._fleet = fleet
        self._page = DevicePage(self.gpu)
        self._failures = registry.counter(signals.NVML_ERRORS)
        self._calls = registry.histogram(signals.NVML_CALL).labels(self.gpu)
        self._is_broken = False
        self._reader = DeviceReader(
            nvml, index, self, fleet.events.watch, slow_seconds=slow_seconds, clock=clock
        )
        self.worker = Worker(f"gpu-{index}", self._sample)

    @property
    def is_up(self) -> bool:
        """Whether it answered the last time it was read."""
        return self._known.readings is not None

    @property
    def is_refused(self) -> bool:
        """Whether this user may not read it at all."""
        return self._known.is_refused

    def known(self, is_fresh: bool) -> Device:  # noqa: FBT001 - the one thing it depends on
        """The latest readings, unless they are of too long ago."""
        return self._known if is_fresh else Device(self.index)

    def release(self) -> None:
        """Give back what is held in the driver; nobody may be reading the device."""
        self._reader.release()

    def close(self, timeout_seconds: float) -> bool:
        """End the thread; False if a driver call holds it."""
        if not self.worker.close(timeout_seconds):
            return False
        self.release()
        return True

    def timed(self, seconds: float) -> None:
        """Count the time of one call."""
        self._calls.observe(seconds)

    def failed(self, error: NvmlError) -> None:
        """Count a call that failed without good reason."""
        self._failures.inc(1, error.call, error.error)

    def _sample(self) -> None:
        try:
            with self._fleet.gate.shared():
                self._publish(self._read())
            self._is_broken = False
        except Exception as error:  # the thread must outlive whatever a driver's answer leads to
            self._failures.inc(1, SAMPLE, type(error).__name__)
            if not self._is_broken:
                log.exception("GPU %d could not be read; trying on", self.index)
            self._is_broken = True

    def _read(self) -> Device:
        if not self._fleet.has(self.index):
            return Device(self.index)
        try:
            return self._reader.read()
        except DriverGoneError as error:
            self._fleet.ask_for_reload(str(error))
        except NvmlError:  # no handle or no identity, and counted
            pass
        return Device(self.index)

    def _publish(self, device: Device) -> None:
        readings = REFUSED if device.is_refused else device.readings
        fragments = self._page.render(readings) if readings else NOTHING
        # The page and what it says of the device change together for whoever asks in between.
        self._known, self.fragments, self.taken_at = device, fragments, self._clock()
