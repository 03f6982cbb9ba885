"""SM time by process and by container: utilisation summed up over the passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from exporters.gpu.snapshot import Device, Readings, Snapshot

Totals = Mapping[tuple[str, ...], float]
"""Seconds by GPU and pid, or by GPU and container."""

KEEP_SECONDS: Final = 600.0
"""How long the total of a container without processes is kept, should it start another one."""


class SmTime:
    """Counts up while the processes are seen; `container_of` gives a pid's container, if any."""

    def __init__(self, container_of: Callable[[int], str | None]) -> None:
        self._container_of = container_of
        self._last: dict[str, tuple[Readings, float]] = {}
        self._processes: dict[tuple[str, ...], float] = {}
        self._containers: dict[tuple[str, ...], float] = {}
        self._seen_at: dict[tuple[str, ...], float] = {}

    @property
    def processes(self) -> Totals:
        return dict(self._processes)

    @property
    def containers(self) -> Totals:
        return dict(self._containers)

    def add(self, snapshot: Snapshot, now: float) -> None:
        """Count what the devices read since the last time say; `now` is a monotonic clock's."""
        for device in snapshot.devices:
            gpu, readings = str(device.index), device.readings
            last = self._last.get(gpu)
            if readings is None:
                self._last.pop(gpu, None)  # what was used meanwhile, nobody knows
            elif last is None or last[0] is not readings:
                self._last[gpu] = (readings, now)
                self._count(gpu, device, now - last[1] if last else 0.0, now)
        self._forget(snapshot, now)

    def _count(self, gpu: str, device: Device, elapsed: float, now: float) -> None:
        for pid, share in sm_shares(device).items():
            used = share * elapsed
            key = (gpu, str(pid))
            self._processes[key] = self._processes.get(key, 0.0) + used
            container = self._container_of(pid)
            if container is not None:
                key = (gpu, container)
                self._containers[key] = self._containers.get(key, 0.0) + used
                self._seen_at[key] = now

    def _forget(self, snapshot: Snapshot, now: float) -> None:
        alive = {(str(one.index), str(pid)) for one in snapshot.devices for pid in sm_shares(one)}
        silent = {str(one.index) for one in snapshot.devices if one.readings is None}
        self._processes = {
            key: total for key, total in self._processes.items() if key in alive or key[0] in silent
        }
        for key in [key for key, at in self._seen_at.items() if now - at > KEEP_SECONDS]:
            del self._seen_at[key], self._containers[key]


def sm_shares(device: Device) -> Mapping[int, float]:
    """The share of the SMs' time by pid; a process in two lists counts once."""
    processes = device.readings.processes if device.readings else ()
    return {
        process.pid: process.usage.sm
        for process in processes
        if process.usage is not None and process.usage.sm is not None
    }
