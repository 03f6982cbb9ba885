"""NVML read once over all devices, into a snapshot; what one call cannot say hurts no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from exporters.catalog.gpu import CLOCK_DOMAINS
from exporters.gpu.nvml import AbsentError, GpuLostError, Handle, Nvml, NvmlError
from exporters.gpu.snapshot import Device, Identity, Readings, Snapshot

T = TypeVar("T")
ReportFailure = Callable[[NvmlError], object]

NOTHING: Final = Readings(clocks={}, clocks_max={})
"""What is read of a device whose every call fails."""


class Collector:
    """Reads devices; `report_failure` hears of every call that failed without good reason."""

    def __init__(self, nvml: Nvml, report_failure: ReportFailure) -> None:
        self._nvml = nvml
        self._report_failure = report_failure
        self._count = 0
        self._handles: dict[int, Handle] = {}
        self._identities: dict[int, Identity] = {}

    @property
    def handles(self) -> Mapping[int, Handle]:
        """Every device that ever answered."""
        return self._handles

    def collect(self) -> Snapshot:
        self._count = self._read_count()
        return Snapshot(
            driver=self._nvml.driver_version,
            simulated=self._nvml.simulated,
            devices=tuple(self._device(index) for index in range(self._count)),
        )

    def _read_count(self) -> int:
        try:
            return self._nvml.count()
        except NvmlError as error:
            self._report_failure(error)
            return self._count  # the same devices, which then answer or do not

    def _device(self, index: int) -> Device:
        try:
            handle = self._handle(index)
            identity, readings = self._identity(index, handle), self._readings(handle)
        except GpuLostError:
            return Device(index)
        except NvmlError as error:  # no handle or no identity
            self._report_failure(error)
            return Device(index)
        # The driver knows it, yet it tells nothing: that is as good as gone.
        return Device(index) if readings == NOTHING else Device(index, identity, readings)

    def _handle(self, index: int) -> Handle:
        if index not in self._handles:
            self._handles[index] = self._nvml.handle(index)
        return self._handles[index]

    def _identity(self, index: int, handle: Handle) -> Identity:
        if index not in self._identities:
            uuid, name = self._nvml.uuid(handle), self._nvml.name(handle)
            self._identities[index] = Identity(uuid=uuid, name=name)
        return self._identities[index]

    def _readings(self, handle: Handle) -> Readings:
        nvml, ask = self._nvml, self._ask
        utilization, controller = ask(nvml.utilization, handle) or (None, None)
        used, total, *_ = ask(nvml.memory, handle) or (None, None)
        return Readings(
            utilization=utilization,
            memory_controller=controller,
            memory_used=used,
            memory_total=total,
            power=ask(nvml.power, handle),
            power_limit=ask(nvml.power_limit, handle),
            energy=ask(nvml.energy, handle),
            temperature=ask(nvml.temperature, handle),
            clocks=self._by_domain(nvml.clock, handle),
            clocks_max=self._by_domain(nvml.clock_max, handle),
            throttle_reasons=ask(nvml.throttle_reasons, handle),
        )

    def _by_domain(
        self, read: Callable[[Handle, str], float | None], handle: Handle
    ) -> dict[str, float]:
        found = {domain: self._ask(read, handle, domain) for domain in CLOCK_DOMAINS}
        return {domain: clock for domain, clock in found.items() if clock is not None}

    def _ask(self, read: Callable[..., T], *arguments: object) -> T | None:
        try:
            return read(*arguments)
        except AbsentError:
            return None
        except GpuLostError:
            raise
        except NvmlError as error:
            self._report_failure(error)
            return None
