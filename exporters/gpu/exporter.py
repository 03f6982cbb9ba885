"""All devices read side by side, each from a thread of its own, and served from memory."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import exporters.catalog.gpu as signals
from exporters.catalog.host import PROCESS_CPU, PROCESS_RESIDENT
from exporters.errors import BusySignalError
from exporters.exposition.registry import Registry
from exporters.gpu import page
from exporters.gpu.devices import WatchedDevice
from exporters.gpu.events import EventWatcher
from exporters.gpu.fleet import PROC, Fleet
from exporters.gpu.nvml import Nvml
from exporters.gpu.snapshot import Series, Snapshot
from exporters.gpu.worker import Gate, Worker, remaining
from exporters.host import HostSource
from exporters.host.reading import Process

log = logging.getLogger(__name__)

Clock = Callable[[], float]

STALE_INTERVALS: Final = 5
"""After this many missed passes a device's driver call hangs, and it does not count as up."""

SLOW_SECONDS: Final = 10.0
"""How often limits, modes and the like are read, which change seldom if ever."""

CLOSE_SECONDS: Final = 5.0
"""How long a driver call that is under way keeps `close` waiting."""

PATIENCE_SECONDS: Final = 5.0
"""How long one pass over all devices is waited for; a device that takes longer follows alone."""

MAX_SERIES: Final = 4096
"""Per family: 64 devices times their XID codes."""


class GpuExporter:
    """Reads the devices every `interval_seconds`; a scrape never waits for the driver.

    `expected_devices` is how many there should be; without it, the most that were ever seen.
    `on_failure` is told once when only a new process can go on (see `failure`); `after_pass`
    hears of each pass over the devices.
    """

    def __init__(
        self,
        nvml: Nvml,
        *,
        interval_seconds: float = 1.0,
        slow_seconds: float = SLOW_SECONDS,
        expected_devices: int | None = None,
        clock: Clock = time.monotonic,
        on_failure: Callable[[], object] | None = None,
        after_pass: Callable[[Snapshot], object] | None = None,
        proc: Path = PROC,
    ) -> None:
        self._nvml = nvml
        self._interval, self._slow = interval_seconds, slow_seconds
        self._expected = expected_devices
        self._clock = clock
        self._after_pass = after_pass
        self._host = HostSource()
        self._registry = Registry(max_children=MAX_SERIES)
        self._failures = self._registry.counter(signals.NVML_ERRORS)
        self._durations = self._registry.histogram(signals.NVML_SCRAPE)
        gate = Gate()
        self._events = EventWatcher(self._registry, gate)
        self._fleet = Fleet(
            nvml, gate, self._events, self._registry, self._watched, clock, on_failure, proc
        )
        self._enumeration = Worker("gpu-enumeration", self._fleet.enumerate)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gpu-sampler", daemon=True)

    @property
    def failure(self) -> BusySignalError | None:
        """Why this process can read the driver no more, for whoever runs it to say and end."""
        return self._fleet.failure

    def start(self) -> None:
        """Take the first readings, then keep taking them in threads until `close`."""
        self.sample()
        self._thread.start()
        self._events.start()

    def close(self) -> bool:
        """Stop the threads; a driver call that hangs is left to end with the process.

        Returns whether all have ended, so that the driver may be closed.
        """
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)
        deadline = time.monotonic() + CLOSE_SECONDS
        ended = [self._enumeration.close(remaining(deadline))]
        ended += [device.close(remaining(deadline)) for device in self._fleet.devices]
        return self._events.close() and all(ended) and not self._thread.is_alive()

    def sample(self, patience_seconds: float = PATIENCE_SECONDS) -> Snapshot:
        """Read all devices once, side by side; one that hangs is waited for only the first time."""
        began = time.perf_counter()
        _work([self._enumeration], patience_seconds)
        _work([device.worker for device in self._fleet.devices], patience_seconds)
        self._durations.observe(time.perf_counter() - began)
        snapshot = self.snapshot()
        if self._after_pass is not None:
            self._after_pass(snapshot)
        return snapshot

    def snapshot(self) -> Snapshot:
        """What is known now; of a device whose driver call hangs, only that it does."""
        now = self._clock()
        devices = tuple(device.known(self._is_fresh(device, now)) for device in self._fleet.devices)
        return Snapshot(self._nvml.driver_version, self._nvml.simulated, devices)

    def collect_text(self) -> str:
        """Everything known, as Prometheus text."""
        now = self._clock()
        devices = self._fleet.devices
        fresh = [device for device in devices if self._is_fresh(device, now)]
        up: Series = {
            (device.gpu,): float(device.is_up and device in fresh)
            for device in devices
            if not device.is_refused
        }
        ages: Series = {(device.gpu,): max(now - device.taken_at, 0.0) for device in devices}
        seen = self._fleet.count
        expected = self._expected if self._expected is not None else self._fleet.most_seen
        return "".join(
            [
                page.family(signals.GPU_EXPECTED, {(): float(seen)}),
                page.family(signals.GPU_DEVICES_EXPECTED, {(): float(expected)}),
                page.family(signals.GPU_UP, up),
                page.join(device.fragments for device in fresh),
                page.family(signals.NVML_PASS_AGE, ages),
                self._registry.collect_text(),
                _own_use(self._host.process()),
            ]
        )

    def last_xids(self) -> dict[str, int]:
        """The code of the last XID error by device, 0 before the first."""
        return self._events.last_xids()

    def is_fresh(self) -> bool:
        """Whether the driver answered within the last few intervals, for any device."""
        now = self._clock()
        devices = self._fleet.devices
        if not devices:
            return self._is_recent(self._fleet.counted_at, now)
        return any(self._is_fresh(device, now) for device in devices)

    def _is_fresh(self, device: WatchedDevice, now: float) -> bool:
        return self._is_recent(device.taken_at, now)

    def _is_recent(self, moment: float, now: float) -> bool:
        return now - moment <= self._interval * STALE_INTERVALS

    def _watched(self, index: int) -> WatchedDevice:
        return WatchedDevice(
            self._nvml,
            index,
            self._registry,
            self._fleet,
            slow_seconds=self._slow,
            clock=self._clock,
        )

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                self.sample(self._interval)
            except Exception:  # the thread must outlive whoever hears of its passes
                log.exception("a pass over the devices could not be told of")


def _work(workers: list[Worker], patience_seconds: float) -> None:
    """Wake all; wait for those that were not already stuck in the work before."""
    deadline = time.monotonic() + patience_seconds
    waiting = [worker for worker in workers if not worker.is_busy]
    for worker in workers:
        worker.wake()
    for worker in waiting:
        worker.wait(remaining(deadline))


def _own_use(process: Process) -> str:
    """What measuring costs the machine."""
    used = ((PROCESS_CPU, process.cpu), (PROCESS_RESIDENT, process.resident))
    return "".join(
        page.family(signal, {(): float(value)}) for signal, value in used if value is not None
    )
