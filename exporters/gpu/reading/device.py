"""A device: its handle and identity, and the passes over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import exporters.catalog.gpu as signals
import exporters.catalog.gpu_links as links
from exporters.gpu.families import FAMILIES
from exporters.gpu.nvml import (
    DeniedError,
    DriverGoneError,
    GpuLostError,
    Handle,
    Nvml,
    NvmlError,
    device,
)
from exporters.gpu.reading.fields import Fields
from exporters.gpu.reading.mig import Mig
from exporters.gpu.reading.processes import Processes
from exporters.gpu.reading.profiling import Clock, Profiling
from exporters.gpu.reading.questions import Questions
from exporters.gpu.reading.tally import SUPPORTED, Monitor, Tally, Values
from exporters.gpu.snapshot import Device, Identity, Readings

Opened = Callable[[int, Handle], str | None]
"""Told of every handle that is opened; answers what became of the device's events."""

EVENTS: Final = "events"


class Part(Protocol):
    """Something that is read of a device."""

    def read(self, handle: Handle, tally: Tally) -> None: ...

    def release(self) -> None: ...


class DeviceReader:
    """Reads one device, from one thread; a full pass every `slow_seconds`, quick ones between."""

    def __init__(
        self,
        nvml: Nvml,
        index: int,
        monitor: Monitor,
        opened: Opened,
        *,
        slow_seconds: float,
        clock: Clock,
    ) -> None:
        self.index = index
        self._nvml, self._monitor, self._opened = nvml, monitor, opened
        self._slow_seconds, self._clock = slow_seconds, clock
        self._parts: tuple[Part, ...] = (
            Questions(FAMILIES),
            Fields(FAMILIES),
            Profiling(clock),
            Mig(clock),
            Processes(nvml),
        )
        self._handle: Handle | None = None
        self._identity: Identity | None = None
        self._events: str | None = None
        self._full: Tally | None = None
        self._full_at = 0.0

    def read(self) -> Device:
        """Everything the device tells now; a device without readings when it does not answer.

        Raises DriverGoneError when the driver as a whole is gone.
        """
        try:
            handle, identity = self._open()
            tally = self._pass(handle)
        except GpuLostError:
            self._handle = None  # a device that comes back has another
            return Device(self.index)
        except DeniedError:  # its handle or its name, for all else is counted by family
            return Device(self.index, is_refused=True)
        except NvmlError as error:
            self._monitor.failed(error)
            raise
        # The driver knows it, yet it tells nothing: that is as good as gone.
        if SUPPORTED not in tally.outcomes.values():
            return Device(self.index)
        return Device(self.index, identity, self._readings(identity, tally))

    def release(self) -> None:
        """Give back what is held in the driver; the next pass begins anew."""
        for part in self._parts:
            part.release()
        self._handle, self._identity, self._full = None, None, None

    def _open(self) -> tuple[Handle, Identity]:
        if self._handle is None or self._identity is None:
            handle = self._nvml.handle(self.index)
            self._identity = _identified(self._nvml, handle)
            self._events = self._opened(self.index, handle)
            self._handle, self._full = handle, None
        return self._handle, self._identity

    def _pass(self, handle: Handle) -> Tally:
        now = self._clock()
        is_full = self._full is None or now - self._full_at >= self._slow_seconds
        tally = Tally(self._monitor, is_full=is_full, last=self._full)
        for part in self._parts:
            part.read(handle, tally)
        if tally.is_full:
            self._full, self._full_at = tally, now
        return tally

    def _readings(self, identity: Identity, tally: Tally) -> Readings:
        families = tally.outcomes | ({EVENTS: self._events} if self._events else {})
        values = tally.values | _derived(tally.values)
        values[signals.GPU_INFO.name] = {
            (
                identity.uuid,
                identity.name,
                self._nvml.driver_version,
                "true" if self._nvml.simulated else "false",
            ): 1.0
        }
        board = identity.pci_bus_id, identity.serial, identity.vbios
        if any(board):
            values[signals.GPU_BOARD_INFO.name] = {board: 1.0}
        values[signals.GPU_FAMILY_STATUS.name] = dict.fromkeys(families.items(), 1.0)
        return Readings(values, families, tally.processes)


def _identified(nvml: Nvml, handle: Handle) -> Identity:
    return Identity(
        nvml.uuid(handle),
        nvml.name(handle),
        *(_told(ask, handle) for ask in (device.pci_bus_id, device.serial, device.vbios)),
    )


def _told(ask: Callable[[Handle], str], handle: Handle) -> str:
    """What a device may as well keep to itself."""
    try:
        return ask(handle)
    except (GpuLostError, DriverGoneError):
        raise
    except NvmlError:
        return ""


def _derived(values: Values) -> Values:
    """Sums over the links, where the driver counts per link alone."""
    found: Values = {}
    for total, per_link in (
        (links.NVLINK_BYTES, links.NVLINK_LINK_BYTES),
        (links.NVLINK_TOTAL_ERRORS, links.NVLINK_LINK_ERRORS),
    ):
        if total.name in values or per_link.name not in values:
            continue
        sums = found.setdefault(total.name, {})
        for (_, *labels), value in values[per_link.name].items():
            sums[tuple(labels)] = sums.get(tuple(labels), 0.0) + value
    return found
