"""What one pass over the devices found, in base units; what a device does not tell is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from exporters.catalog.signal import Signal
from exporters.gpu.nvml import Process

Labels = tuple[str, ...]
Series = Mapping[Labels, float]
"""Values of one signal and one device, by the label values that follow `gpu`."""

NO_SERIES: Final[Series] = {}


@dataclass(frozen=True, slots=True)
class Identity:
    """What does not change while the driver is loaded; the board's details where it tells them."""

    uuid: str
    name: str
    pci_bus_id: str = ""
    serial: str = ""
    vbios: str = ""


@dataclass(frozen=True, slots=True)
class Readings:
    """One device's values, by the names of their signals in the catalogue.

    >>> readings.value(GPU_POWER)
    310.0
    >>> readings.series(GPU_CLOCK)
    {("sm",): 1.98e9, ("memory",): 2.619e9}
    """

    values: Mapping[str, Series] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)
    """What became of each family of readings: one of FAMILY_STATES."""
    processes: tuple[Process, ...] = ()

    def series(self, signal: Signal) -> Series:
        """All values of one signal."""
        return self.values.get(signal.name, NO_SERIES)

    def value(self, signal: Signal, *labels: str) -> float | None:
        """One value, or None."""
        return self.series(signal).get(labels)


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU; without readings it does not answer.

    One that is refused belongs to others: the driver counts it, but this user may not ask it
    anything (a container that was given some of the devices). Nobody can say whether it is up.
    """

    index: int
    identity: Identity | None = None
    readings: Readings | None = None
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All devices at one moment."""

    driver: str
    simulated: bool
    devices: tuple[Device, ...]
