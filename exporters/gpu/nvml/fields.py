"""Field values: one driver call for a whole prebuilt array of them.

Through `pynvml.nvmlDeviceGetFieldValues` the same call costs eighty times as much: it builds the
array anew each time, and reads each answer field by field.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from typing import Final

import pynvml

from exporters.gpu.nvml.errors import AbsentError, NvmlError, translated
from exporters.gpu.nvml.library import UNSET, Handle, check, function, number

CALL: Final = "nvmlDeviceGetFieldValues"
ALL_LINKS: Final = 0xFFFF_FFFF
"""The scope of a link field that asks for the sum over all links."""

_LAYOUT: Final = struct.Struct("<24xIIQ")  # ids, time and latency; type, return, value
_UNSIGNED: Final = {
    pynvml.NVML_VALUE_TYPE_UNSIGNED_INT: 0xFFFF_FFFF,
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG: 0xFFFF_FFFF_FFFF_FFFF,
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: 0xFFFF_FFFF_FFFF_FFFF,
    pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT: 0xFFFF,
}
"""The bits of the value that count, by its type."""
_OTHERS: Final = {
    pynvml.NVML_VALUE_TYPE_DOUBLE: struct.Struct("<d"),
    pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG: struct.Struct("<q"),
    pynvml.NVML_VALUE_TYPE_SIGNED_INT: struct.Struct("<i4x"),
}
_UNKNOWN_FIELD: Final = (pynvml.NVML_ERROR_INVALID_ARGUMENT, pynvml.NVML_ERROR_NOT_FOUND)


Answer = tuple[float | None, NvmlError | None]
"""A value in the driver's unit, and why there is none."""

NOTHING: Final[Answer] = (None, None)


class FieldBatch:
    """Fields of one device, asked for together; not to be shared between threads."""

    def __init__(self, fields: Sequence[tuple[int, int]]) -> None:
        """Prepare for `fields`, each an id (NVML_FI_*) and a scope, such as a link."""
        self._array = (pynvml.c_nvmlFieldValue_t * len(fields))()
        for slot, (field, scope) in zip(self._array, fields, strict=True):
            slot.fieldId, slot.scopeId = field, scope
        self._bytes = memoryview(self._array).cast("B")

    def read(self, handle: Handle) -> list[Answer]:
        """Answers in the order of the fields; raises NvmlError when the call as a whole fails."""
        if not len(self._array):
            return []
        code = function(CALL)(handle, ctypes.c_int32(len(self._array)), self._array)
        check(CALL, code)
        return [_answer(*answer) for answer in _LAYOUT.iter_unpack(self._bytes)]


def _answer(kind: int, result: int, bits: int) -> Answer:
    if result != pynvml.NVML_SUCCESS:
        return _FAILURES.get(result) or _failure(result)
    mask = _UNSIGNED.get(kind)
    if mask is not None:
        value = bits & mask
        return NOTHING if value in UNSET else (float(value), None)
    layout = _OTHERS.get(kind)
    return (number(layout.unpack(bits.to_bytes(8, "little"))[0]), None) if layout else NOTHING


def _failure(result: int) -> Answer:
    error = translated(CALL, result)
    if result in _UNKNOWN_FIELD:  # how a driver says of a field that it does not know it yet
        error = AbsentError(CALL, error.error)
    return _FAILURES.setdefault(result, (None, error))


_FAILURES: dict[int, Answer] = {}
