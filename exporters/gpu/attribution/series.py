"""Processes and containers of a snapshot as series, by signal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from exporters.catalog import gpu_processes as signals
from exporters.catalog.signal import Signal
from exporters.gpu.attribution.cgroup import Container
from exporters.gpu.attribution.proc import Identity
from exporters.gpu.attribution.sm_time import sm_shares
from exporters.gpu.nvml import Process, Usage
from exporters.gpu.snapshot import Device, Series, Snapshot

MAX_PROCESSES: Final = 512
"""Of one device; who holds least memory is left out."""

Told = Iterator[tuple[Signal, Series]]
Labelled = dict[tuple[str, ...], float]

ENGINES: Final = dict(
    zip(signals.PROCESS_ENGINES, ("encoder", "decoder", "jpeg", "optical_flow"), strict=True)
)
"""Fields of Usage by the label `engine`."""


def processes(snapshot: Snapshot) -> Iterator[tuple[Device, Process]]:
    """Every device that answers with each of its processes."""
    for device in snapshot.devices:
        if device.readings is not None:
            found = sorted(device.readings.processes, key=lambda one: (-(one.memory or 0), one.pid))
            yield from ((device, process) for process in found[:MAX_PROCESSES])


def of_processes(snapshot: Snapshot, identities: Mapping[int, Identity]) -> Told:
    """What each process is and uses, by GPU and pid."""
    infos: Labelled = {}
    places: Labelled = {}
    memory: Labelled = {}
    used: dict[str, Labelled] = {}
    for device, process in processes(snapshot):
        gpu, pid = str(device.index), str(process.pid)
        who = identities.get(process.pid)
        if who is not None:
            infos[gpu, pid, who.name, who.user, who.container.id if who.container else ""] = 1.0
        if process.gpu_instance is not None:
            places[gpu, pid, str(process.gpu_instance)] = 1.0
        if process.memory is not None:
            memory[gpu, pid, process.kind] = process.memory
        if process.usage is not None:
            _add_usage(used, (gpu, pid), process.usage)
    yield signals.GPU_PROCESSES, _counts(snapshot)
    yield signals.PROCESS_INFO, infos
    yield signals.PROCESS_PLACE, places
    yield signals.PROCESS_MEMORY, memory
    for signal in (signals.PROCESS_SM, signals.PROCESS_MEMORY_CONTROLLER, signals.PROCESS_ENGINE):
        yield signal, used.get(signal.name, {})


def of_containers(snapshot: Snapshot, containers: Mapping[int, Container]) -> Told:
    """What the processes of each container use together, by GPU and container id."""
    counts: Labelled = {}
    memory: Labelled = {}
    used: Labelled = {}
    for device in snapshot.devices:
        held = _memory_by_pid(device)
        for pid, amount in held.items():
            if pid in containers:
                key = (str(device.index), containers[pid].id)
                counts[key] = counts.get(key, 0.0) + 1
                if amount is not None:
                    memory[key] = memory.get(key, 0.0) + amount
        for pid, share in sm_shares(device).items():
            if pid in containers:
                key = (str(device.index), containers[pid].id)
                used[key] = min(used.get(key, 0.0) + share, 1.0)
    yield signals.CONTAINER_PROCESSES, counts
    yield signals.CONTAINER_MEMORY, memory
    yield signals.CONTAINER_SM, used


def _counts(snapshot: Snapshot) -> Series:
    """Processes by kind; a device that is asked in vain has no number, not 0."""
    counts: Labelled = {}
    for device in snapshot.devices:
        readings = device.readings
        if readings is None or readings.families.get("processes") != "supported":
            continue
        counts[str(device.index), "compute"] = 0.0
        for process in readings.processes:
            key = (str(device.index), process.kind)
            counts[key] = counts.get(key, 0.0) + 1
    return counts


def _memory_by_pid(device: Device) -> Mapping[int, float | None]:
    """Bytes by pid; a process in the lists of compute and of graphics is in both with the same."""
    found: dict[int, float | None] = {}
    for process in device.readings.processes if device.readings else ():
        known = found.get(process.pid)
        amounts = [amount for amount in (known, process.memory) if amount is not None]
        found[process.pid] = max(amounts, default=None)
    return found


def _add_usage(used: dict[str, Labelled], key: tuple[str, str], usage: Usage) -> None:
    shares = [
        (signals.PROCESS_SM.name, key, usage.sm),
        (signals.PROCESS_MEMORY_CONTROLLER.name, key, usage.memory),
    ]
    engines = [
        (signals.PROCESS_ENGINE.name, (*key, engine), getattr(usage, name))
        for engine, name in ENGINES.items()
    ]
    for signal, labels, share in (*shares, *engines):
        if share is not None:
            used.setdefault(signal, {})[labels] = share
