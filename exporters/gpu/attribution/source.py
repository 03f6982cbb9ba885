"""Processes on the devices, and the containers and pods they are in, as a source of series."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from exporters.catalog import gpu_processes as signals
from exporters.catalog.signal import Signal
from exporters.gpu.attribution import names, series
from exporters.gpu.attribution.cgroup import Container
from exporters.gpu.attribution.kubelet import Kubelet
from exporters.gpu.attribution.proc import PROC, Identity, ProcessTable
from exporters.gpu.attribution.sm_time import SmTime
from exporters.gpu.page import family
from exporters.gpu.settings import KUBELET
from exporters.gpu.snapshot import Device, Series, Snapshot


@dataclass(frozen=True, slots=True)
class Places:
    """Where the node's side is read."""

    proc: Path = PROC
    log_links: Path = names.FOLDER
    pod_resources: Path = KUBELET


class Attribution:
    """Tells who uses the devices; `observe` each pass, so that no SM time is missed."""

    def __init__(
        self,
        places: Places,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._snapshot: Callable[[], Snapshot] | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._table = ProcessTable(places.proc)
        self._links = names.LogLinks(places.log_links)
        self._kubelet = Kubelet(places.pod_resources)
        self._sm_time = SmTime(self._container_id)

    def follow(self, snapshot: Callable[[], Snapshot]) -> None:
        """Tell of the devices as `snapshot` knows them at a scrape."""
        self._snapshot = snapshot

    def start(self) -> None:
        self._kubelet.start()

    def close(self) -> None:
        self._kubelet.close()

    def observe(self, snapshot: Snapshot) -> None:
        """Count the SM time of one pass over the devices."""
        with self._lock:
            self._sm_time.add(snapshot, self._clock())

    def collect_text(self) -> str:
        """All families that have something to tell."""
        if self._snapshot is None:
            return ""
        snapshot = self._snapshot()
        with self._lock:
            self._links.refresh()
            found = dict(self._families(snapshot))
            pids = {process.pid for _, process in series.processes(snapshot)}
            self._table.keep(pids)
        return "".join([family(one, found.get(one.name, {})) for one in signals.SIGNALS])

    def _families(self, snapshot: Snapshot) -> Iterator[tuple[str, Series]]:
        identities = {
            process.pid: identity
            for _, process in series.processes(snapshot)
            if (identity := self._table.identity(process.pid)) is not None
        }
        containers = {
            pid: identity.container for pid, identity in identities.items() if identity.container
        }
        told: list[tuple[Signal, Series]] = [
            *series.of_processes(snapshot, identities),
            *series.of_containers(snapshot, containers),
            (signals.PROCESS_SM_SECONDS, self._sm_time.processes),
            (signals.CONTAINER_SM_SECONDS, self._sm_time.containers),
            (signals.CONTAINER_INFO, self._infos(snapshot, containers)),
            (signals.POD_ALLOCATION, self._allocations()),
            (signals.ATTRIBUTION_UP, self._health(snapshot, identities, containers)),
        ]
        return ((signal.name, values) for signal, values in told)

    def _allocations(self) -> Series:
        return {
            (one.uuid, one.namespace, one.pod, one.container): 1.0
            for one in sorted(self._kubelet.allocations)
        }

    def _infos(self, snapshot: Snapshot, containers: Mapping[int, Container]) -> Series:
        device_of = {process.pid: device for device, process in series.processes(snapshot)}
        infos: dict[tuple[str, ...], float] = {}
        for pid, container in containers.items():
            name = self._links.get(container.id) or self._allocated(device_of[pid], container)
            known = (name.name, name.pod, name.namespace) if name else ("", "", "")
            infos[container.id, container.runtime, *known, container.pod_uid or ""] = 1.0
        return infos

    def _allocated(self, device: Device, container: Container) -> names.Name | None:
        """The name of a pod's container by the device it has for itself alone."""
        uuid = device.identity.uuid if device.identity else None
        holders = [one for one in self._kubelet.allocations if one.uuid == uuid]
        if container.pod_uid is None or len(holders) != 1:
            return None
        return names.Name(holders[0].pod, holders[0].namespace, holders[0].container)

    def _health(
        self,
        snapshot: Snapshot,
        identities: Mapping[int, Identity],
        containers: Mapping[int, Container],
    ) -> Series:
        health: dict[tuple[str, ...], float] = {}
        if any(True for _ in series.processes(snapshot)):
            health["proc",] = float(bool(identities))
        of_pods = [one.id for one in containers.values() if one.pod_uid]
        if self._links.is_there and of_pods:
            health["log_links",] = float(any(self._links.get(one) for one in of_pods))
        if self._kubelet.is_up is not None:
            health["pod_resources",] = float(self._kubelet.is_up)
        return health

    def _container_id(self, pid: int) -> str | None:
        identity = self._table.identity(pid)
        return identity.container.id if identity and identity.container else None
