"""A snapshot as OpenTelemetry's hardware conventions have it (docs/hardware/gpu.md, common.md).

Pure: measurements out, no SDK. Status of the conventions: Development, as of v1.44.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import exporters.catalog.gpu as signals
from exporters.catalog import gpu_health, gpu_links
from exporters.gpu.snapshot import Device, Identity, Readings, Snapshot

Kind = Literal["counter", "updowncounter", "gauge"]
Attributes = Mapping[str, str]
Measurement = tuple[str, float, Attributes]
"""Name of the instrument, value, attributes."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One metric of the conventions."""

    name: str
    kind: Kind
    unit: str
    description: str


INSTRUMENTS: Final = (
    Instrument("hw.gpu.utilization", "gauge", "1", "Share of time in which a task ran."),
    Instrument("hw.gpu.memory.usage", "updowncounter", "By", "Device memory in use."),
    Instrument("hw.gpu.memory.limit", "updowncounter", "By", "Device memory there is."),
    Instrument("hw.gpu.memory.utilization", "gauge", "1", "Share of device memory in use."),
    Instrument("hw.gpu.io", "counter", "By", "Bytes over PCIe."),
    Instrument("hw.power", "gauge", "W", "Power drawn."),
    Instrument("hw.energy", "counter", "J", "Energy since the driver was loaded."),
    Instrument("hw.temperature", "gauge", "Cel", "Temperature."),
    Instrument("hw.temperature.limit", "gauge", "Cel", "Temperature at which something happens."),
    Instrument("hw.errors", "counter", "{error}", "ECC errors since the driver was loaded."),
    Instrument("hw.status", "updowncounter", "1", "1 for the state the device is in."),
)

STATES: Final = ("ok", "degraded", "failed", "predicted_failure")
SLOWED_BY: Final = (
    "hw_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown", "sw_thermal_slowdown",
)  # fmt: skip
"""Throttle reasons of a device that cannot do what it should; a power cap is no defect."""

_LIMITS: Final = {
    "shutdown": ("gpu", "high.critical"),
    "slowdown": ("gpu", "throttled"),
    "gpu_max": ("gpu", "max"),
    "memory_max": ("memory", "max"),
}
_DIRECTIONS: Final = {"tx": "transmit", "rx": "receive"}
_TASKS: Final = ("encoder", "decoder")


def measure(snapshot: Snapshot) -> Iterator[Measurement]:
    """Everything the devices tell; of one that does not answer, only that it failed."""
    for device in snapshot.devices:
        if device.identity is None:
            continue
        common = _common(device, device.identity)
        yield from _status(device, common)
        if device.readings is not None:
            full = {**common, **_identity(device.identity, snapshot.driver)}
            yield from _gpu(device.readings, full)
            yield from _hardware(device.readings, common)
            yield from _temperatures(device.readings, common)


def state(device: Device) -> str:
    """One of STATES."""
    readings = device.readings
    if readings is None:
        return "failed"
    worn = (gpu_health.REMAP_FAILURE, gpu_health.REMAP_PENDING, gpu_health.RETIRED_PENDING)
    if any(readings.value(signal) for signal in worn):
        return "predicted_failure"
    slowed = any(readings.value(signals.GPU_THROTTLE_ACTIVE, reason) for reason in SLOWED_BY)
    must_recover = readings.value(gpu_health.RECOVERY_ACTION, "none") == 0
    return "degraded" if slowed or must_recover else "ok"


def _common(device: Device, known: Identity) -> dict[str, str]:
    return {"hw.id": known.uuid, "hw.name": f"nvidia{device.index}"}


def _identity(known: Identity, driver: str) -> dict[str, str]:
    told = {
        "hw.model": known.name,
        "hw.vendor": "NVIDIA",
        "hw.driver_version": driver,
        "hw.serial_number": known.serial,
        "hw.firmware_version": known.vbios,
    }
    return {name: value for name, value in told.items() if value}


def _gpu(readings: Readings, common: Attributes) -> Iterator[Measurement]:
    busy = readings.value(signals.GPU_UTILIZATION)
    if busy is not None:
        yield "hw.gpu.utilization", busy, {**common, "hw.gpu.task": "general"}
    for task in _TASKS:
        engine = readings.value(signals.GPU_ENGINE_UTILIZATION, task)
        if engine is not None:
            yield "hw.gpu.utilization", engine, {**common, "hw.gpu.task": task}
    used = readings.value(signals.GPU_MEMORY_USED)
    total = readings.value(signals.GPU_MEMORY_TOTAL)
    if used is not None:
        yield "hw.gpu.memory.usage", used, common
    if total is not None:
        yield "hw.gpu.memory.limit", total, common
    if used is not None and total:
        yield "hw.gpu.memory.utilization", used / total, common
    for (direction,), value in readings.series(gpu_links.PCIE_BYTES).items():
        yield "hw.gpu.io", value, {**common, "network.io.direction": _DIRECTIONS[direction]}


def _hardware(readings: Readings, common: Attributes) -> Iterator[Measurement]:
    attributes = {**common, "hw.type": "gpu"}
    power, energy = readings.value(signals.GPU_POWER), readings.value(signals.GPU_ENERGY)
    if power is not None:
        yield "hw.power", power, attributes
    if energy is not None:
        yield "hw.energy", energy, attributes
    for kind in gpu_health.ECC_TYPES:
        errors = readings.value(gpu_health.ECC_ERRORS, kind, "volatile")
        if errors is not None:
            yield "hw.errors", errors, {**attributes, "error.type": kind}


def _temperatures(readings: Readings, common: Attributes) -> Iterator[Measurement]:
    sensors = {"gpu": signals.GPU_TEMPERATURE, "memory": signals.GPU_MEMORY_TEMPERATURE}
    for place, signal in sensors.items():
        value = readings.value(signal)
        if value is not None:
            yield "hw.temperature", value, _sensor(common, place)
    for (limit,), value in readings.series(signals.GPU_TEMPERATURE_LIMIT).items():
        place, kind = _LIMITS[limit]
        yield "hw.temperature.limit", value, {**_sensor(common, place), "hw.limit_type": kind}


def _sensor(common: Attributes, place: str) -> dict[str, str]:
    gpu = common["hw.id"]
    return {
        "hw.id": f"{gpu}.{place}",
        "hw.name": f"{common['hw.name']} {place}",
        "hw.parent": gpu,
        "hw.temperature.sensor_location": place,
    }


def _status(device: Device, common: Attributes) -> Iterator[Measurement]:
    now = state(device)
    for one in STATES:
        yield "hw.status", int(one == now), {**common, "hw.type": "gpu", "hw.state": one}
