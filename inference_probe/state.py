"""What a device says of itself around a sample: load, clocks, and why they are held down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Protocol

BUSY_RATIO: Final = 0.05
"""Utilisation from which a GPU is shared with other work while the probe runs."""

RESTING_RATIO: Final = 0.7
"""SM clock, of its maximum, below which an unthrottled device has not woken up yet."""

RESTING_REASON: Final = "gpu_idle"
"""NVML's own reason for the low clocks of a device that has nothing to do."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a device; None where it cannot say.

    `utilization` is a share of the driver's last sample period, `clock_ratio` the SM clock over
    its maximum, `throttled_by` the reasons that hold the clocks down now.
    """

    utilization: float | None = None
    clock_ratio: float | None = None
    throttled_by: frozenset[str] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether other work runs here; where the device cannot say, it is assumed to."""
        return self.utilization is None or self.utilization > BUSY_RATIO

    @property
    def is_resting(self) -> bool:
        """Whether clocks are low for want of work, which is no fault of the device."""
        reasons = self.throttled_by or frozenset()
        if RESTING_REASON in reasons:
            return True
        return not reasons and self.clock_ratio is not None and self.clock_ratio < RESTING_RATIO


class DeviceState(Protocol):
    """Reads one device; never raises: what cannot be read is None."""

    def read(self) -> Reading: ...


class AssumedIdle:
    """A device that cannot say its load, as a MIG slice, and that an operator calls idle."""

    def __init__(self, state: DeviceState) -> None:
        self._state = state

    def read(self) -> Reading:
        reading = self._state.read()
        return reading if reading.utilization is not None else replace(reading, utilization=0.0)


class UnknownState:
    """A device that says nothing of itself."""

    def read(self) -> Reading:
        return Reading()
