"""Snapshots of all devices, kept as Prometheus series."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from exporters.catalog import gpu as signals
from exporters.catalog.signal import Gauge
from exporters.exposition import Registry
from exporters.gpu.collect import Collector
from exporters.gpu.events import XidWatcher
from exporters.gpu.nvml import Nvml, NvmlError
from exporters.gpu.snapshot import Device, Readings, Snapshot

log = logging.getLogger(__name__)

Clock = Callable[[], float]
Series = dict[tuple[str, ...], float]

STALE_INTERVALS: Final = 5
"""After this many missed passes the driver hangs, and no device counts as up."""

CLOSE_SECONDS: Final = 5.0
"""How long a driver call that is under way keeps `close` waiting."""

MAX_SERIES: Final = 4096
"""Per family: 64 devices times their XID codes."""

VALUES: Final[Mapping[Gauge, Callable[[Readings], float | None]]] = {
    signals.GPU_UTILIZATION: lambda readings: readings.utilization,
    signals.GPU_MEMORY_CONTROLLER: lambda readings: readings.memory_controller,
    signals.GPU_MEMORY_USED: lambda readings: readings.memory_used,
    signals.GPU_MEMORY_TOTAL: lambda readings: readings.memory_total,
    signals.GPU_POWER: lambda readings: readings.power,
    signals.GPU_POWER_LIMIT: lambda readings: readings.power_limit,
    signals.GPU_TEMPERATURE: lambda readings: readings.temperature,
}
TABLES: Final[Mapping[Gauge, Callable[[Readings], Mapping[str, float] | None]]] = {
    signals.GPU_CLOCK: lambda readings: readings.clocks,
    signals.GPU_CLOCK_MAX: lambda readings: readings.clocks_max,
    signals.GPU_THROTTLE_ACTIVE: lambda readings: readings.throttle_reasons,
}


class GpuExporter:
    """Reads the devices every `interval_seconds`; a scrape never waits for the driver."""

    def __init__(
        self, nvml: Nvml, *, interval_seconds: float = 1.0, clock: Clock = time.monotonic
    ) -> None:
        self._interval = interval_seconds
        self._clock = clock
        self._registry = Registry(max_children=MAX_SERIES)
        self._failures = self._registry.counter(signals.NVML_ERRORS)
        self._durations = self._registry.histogram(signals.NVML_SCRAPE)
        self._collector = Collector(nvml, self._count_failure)
        self._xids = XidWatcher(nvml, self._registry)
        self._lock = threading.Lock()
        self._snapshot = Snapshot(nvml.driver_version, nvml.simulated, ())
        self._taken_at = clock()
        self._is_broken = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gpu-sampler", daemon=True)

    def start(self) -> None:
        """Take the first snapshot, then keep taking them in a thread until `close`."""
        self._try_sample()
        self._thread.start()
        self._xids.start()

    def close(self) -> bool:
        """Stop the threads; a driver call that hangs is left to end with the process.

        Returns whether all have ended, so that the driver may be closed.
        """
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)
        return self._xids.close() and not self._thread.is_alive()

    def sample(self) -> Snapshot:
        """Read all devices once and publish what they say."""
        began = self._clock()
        snapshot = self._collector.collect()
        self._xids.watch(self._collector.handles)
        self._durations.observe(self._clock() - began)
        with self._lock:
            self._snapshot, self._taken_at = snapshot, self._clock()
            publish(self._registry, snapshot)
        return snapshot

    def collect_text(self) -> str:
        """Everything known, as Prometheus text; of a driver that hangs, only that it does."""
        with self._lock:
            if not self.is_fresh():
                publish(self._registry, _without_readings(self._snapshot))
            return self._registry.collect_text()

    def is_fresh(self) -> bool:
        """Whether the driver answered within the last few intervals."""
        return self._clock() - self._taken_at <= self._interval * STALE_INTERVALS

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            self._try_sample()

    def _try_sample(self) -> None:
        try:
            self.sample()
            self._is_broken = False
        except Exception as error:  # the thread must outlive whatever a driver's answer leads to
            self._failures.inc(1, "sample", type(error).__name__)
            if not self._is_broken:
                log.exception("the devices could not be read; trying on")
            self._is_broken = True

    def _count_failure(self, error: NvmlError) -> None:
        self._failures.inc(1, error.call, error.error)


def publish(registry: Registry, snapshot: Snapshot) -> None:
    """Make the registry's device series those of `snapshot`; what it lacks ends."""
    answering = {
        str(device.index): device.readings for device in snapshot.devices if device.readings
    }
    registry.gauge(signals.GPU_EXPECTED).set(len(snapshot.devices))
    registry.gauge(signals.GPU_UP).replace(
        {(str(device.index),): float(device.readings is not None) for device in snapshot.devices}
    )
    registry.gauge(signals.GPU_INFO).replace(_identities(snapshot))
    for signal, value_of in VALUES.items():
        found = {gpu: value_of(readings) for gpu, readings in answering.items()}
        registry.gauge(signal).replace(
            {(gpu,): value for gpu, value in found.items() if value is not None}
        )
    for signal, table_of in TABLES.items():
        registry.gauge(signal).replace(
            {
                (gpu, key): float(value)
                for gpu, readings in answering.items()
                for key, value in (table_of(readings) or {}).items()
            }
        )
    _publish_energy(registry, snapshot.devices)


def _publish_energy(registry: Registry, devices: tuple[Device, ...]) -> None:
    total = registry.counter(signals.GPU_ENERGY)
    for device in devices:
        if device.readings is None or device.readings.energy is None:
            total.remove(device.index)
        else:
            total.set_total(device.readings.energy, str(device.index))


def _identities(snapshot: Snapshot) -> Series:
    simulated = "true" if snapshot.simulated else "false"
    return {
        (str(device.index), known.uuid, known.name, snapshot.driver, simulated): 1.0
        for device in snapshot.devices
        if (known := device.identity) is not None
    }


def _without_readings(snapshot: Snapshot) -> Snapshot:
    gone = tuple(Device(device.index) for device in snapshot.devices)
    return replace(snapshot, devices=gone)
