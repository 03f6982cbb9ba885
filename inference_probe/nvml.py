"""The only module here that speaks to NVML, through the GPU exporter's adapter."""

from __future__ import annotations

from functools import cache

from exporters.errors import BusySignalError
from exporters.gpu.nvml import Handle, Nvml, NvmlError
from inference_probe.state import DeviceState, Reading, UnknownState


class NvmlState:
    """One GPU, found by its UUID."""

    def __init__(self, nvml: Nvml, handle: Handle) -> None:
        self._nvml = nvml
        self._handle = handle

    def read(self) -> Reading:
        return Reading(self._utilization(), self._clock_ratio(), self._throttled_by())

    def _utilization(self) -> float | None:
        try:
            return self._nvml.utilization(self._handle)[0]
        except NvmlError:
            return None

    def _clock_ratio(self) -> float | None:
        try:
            now = self._nvml.clock(self._handle, "sm")
            most = self._nvml.clock_max(self._handle, "sm")
        except NvmlError:
            return None
        return now / most if now and most else None

    def _throttled_by(self) -> frozenset[str] | None:
        try:
            reasons = self._nvml.throttle_reasons(self._handle)
        except NvmlError:
            return None
        return None if reasons is None else frozenset(name for name in reasons if reasons[name])


def state_of(uuid: str) -> DeviceState:
    """Read the GPU `uuid`; where NVML does not know it, nothing is known of it."""
    nvml = _nvml()
    if nvml is None:
        return UnknownState()
    try:
        handles = [nvml.handle(index) for index in range(nvml.count())]
        return next(NvmlState(nvml, one) for one in handles if nvml.uuid(one) == uuid)
    except (NvmlError, StopIteration):
        return UnknownState()


def driver_version() -> str:
    """The driver's version, or `unknown`."""
    nvml = _nvml()
    return nvml.driver_version if nvml else "unknown"


@cache
def _nvml() -> Nvml | None:
    try:
        return Nvml()
    except BusySignalError:
        return None
