"""What one pass over the devices found, in base units; None is what a device does not tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """What does not change while the driver is loaded."""

    uuid: str
    name: str


@dataclass(frozen=True, slots=True)
class Readings:
    """One device's values: ratios 0 to 1, bytes, watts, joules, degrees Celsius, hertz."""

    utilization: float | None = None
    memory_controller: float | None = None
    memory_used: float | None = None
    memory_total: float | None = None
    power: float | None = None
    power_limit: float | None = None
    energy: float | None = None
    temperature: float | None = None
    clocks: Mapping[str, float] | None = None
    clocks_max: Mapping[str, float] | None = None
    throttle_reasons: Mapping[str, bool] | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU; without readings it does not answer."""

    index: int
    identity: Identity | None = None
    readings: Readings | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All devices at one moment."""

    driver: str
    simulated: bool
    devices: tuple[Device, ...]
