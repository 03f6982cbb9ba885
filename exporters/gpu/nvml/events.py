"""Events: what the driver tells as it happens, to a thread that waits for it."""

from __future__ import annotations

import ctypes
from typing import Any, Final, NamedTuple, NewType

import pynvml

from exporters.catalog.gpu_health import EVENTS
from exporters.gpu.nvml.errors import AbsentError, NvmlError, translated
from exporters.gpu.nvml.library import Handle, call

EventSet = NewType("EventSet", object)

XID: Final = "xid"
_XID_BIT: Final = pynvml.nvmlEventTypeXidCriticalError
_BITS: Final = (
    pynvml.nvmlEventTypeSingleBitEccError,
    pynvml.nvmlEventTypeDoubleBitEccError,
    pynvml.nvmlEventTypeSingleBitEccErrorStorm,
    pynvml.nvmlEventTypeDramRetirementEvent,
    pynvml.nvmlEventTypeDramRetirementFailure,
    pynvml.nvmlEventTypeNonFatalPoisonError,
    pynvml.nvmlEventTypeFatalPoisonError,
    pynvml.nvmlEventTypeGpuUnavailableError,
    pynvml.nvmlEventTypeGpuRecoveryAction,
)
_NAMES: Final = dict(zip(_BITS, EVENTS, strict=True)) | {_XID_BIT: XID}


class Event(NamedTuple):
    """Something that happened: `kind` is XID or one of EVENTS, `data` its XID code."""

    address: int
    kind: str
    data: int


def event_set() -> EventSet:
    """A new set that hears nothing yet; free it when done."""
    return EventSet(call("nvmlEventSetCreate"))


def free(events: EventSet) -> None:
    """Give a set back; before NVML is shut down."""
    call("nvmlEventSetFree", events)


def listen(handle: Handle, events: EventSet) -> frozenset[str]:
    """Hear of all that the device can tell; returns the kinds, XID among them.

    Raises NvmlError for a device that tells nothing.
    """
    wanted = _supported(handle) & sum(_NAMES)
    if not wanted:
        raise AbsentError("nvmlDeviceRegisterEvents", "not_supported")
    try:
        call("nvmlDeviceRegisterEvents", handle, wanted, events)
    except AbsentError:
        if wanted == _XID_BIT or not wanted & _XID_BIT:
            raise
        wanted = _XID_BIT  # a driver that says it can, and then cannot
        call("nvmlDeviceRegisterEvents", handle, wanted, events)
    return frozenset(name for bit, name in _NAMES.items() if wanted & bit)


def wait(events: EventSet, timeout_seconds: float) -> Event | None:
    """The next event, or None when none came in time."""
    try:
        told = pynvml.nvmlEventSetWait_v2(events, int(timeout_seconds * 1000))
    except pynvml.NVMLError as error:
        if error.value == pynvml.NVML_ERROR_TIMEOUT:
            return None
        raise translated("nvmlEventSetWait", error.value) from None
    kind = _NAMES.get(told.eventType, "")
    return Event(address(told.device), kind, int(told.eventData))


def address(handle: Any) -> int:
    """What makes two handles the same device: ctypes pointers compare by identity."""
    return ctypes.cast(handle, ctypes.c_void_p).value or 0


def _supported(handle: Handle) -> int:
    try:
        return int(call("nvmlDeviceGetSupportedEventTypes", handle))
    except NvmlError:
        return int(_XID_BIT)
