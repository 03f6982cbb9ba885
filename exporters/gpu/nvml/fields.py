"""Field values: one driver call for a whole prebuilt array of them.

Through `pynvml.nvmlDeviceGetFieldValues` the same call costs eighty times as much: it builds the
array anew each time, and reads each answer field by field.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

import pynvml

from exporters.gpu.nvml.errors import AbsentError, NvmlError, translated
from exporters.gpu.nvml.library import Handle, check, function, number

CALL: Final = "nvmlDeviceGetFieldValues"
ALL_LINKS: Final = 0xFFFF_FFFF
"""The scope of a link field that asks for the sum over all links."""

_LAYOUT: Final = struct.Struct("<16xqII8s")  # ids and time, latency, type, return, value
_VALUE: Final = {
    pynvml.NVML_VALUE_TYPE_DOUBLE: struct.Struct("<d"),
    pynvml.NVML_VALUE_TYPE_UNSIGNED_INT: struct.Struct("<I4x"),
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG: struct.Struct("<Q"),
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: struct.Struct("<Q"),
    pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG: struct.Struct("<q"),
    pynvml.NVML_VALUE_TYPE_SIGNED_INT: struct.Struct("<i4x"),
    pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT: struct.Struct("<H6x"),
}
_UNKNOWN_FIELD: Final = (pynvml.NVML_ERROR_INVALID_ARGUMENT, pynvml.NVML_ERROR_NOT_FOUND)


class Answer(NamedTuple):
    """A field's value in the driver's unit, or why there is none."""

    value: float | None
    error: NvmlError | None


NOTHING: Final = Answer(None, None)


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
        return [
            _answer(kind, result, value)
            for _, kind, result, value in _LAYOUT.iter_unpack(self._bytes)
        ]


def _answer(kind: int, result: int, value: bytes) -> Answer:
    if result == pynvml.NVML_SUCCESS:
        layout = _VALUE.get(kind)
        return Answer(number(layout.unpack(value)[0]), None) if layout else NOTHING
    return _FAILURES.get(result) or _failure(result)


def _failure(result: int) -> Answer:
    # A driver that does not know a field yet says so in more than one way.
    if result in _UNKNOWN_FIELD:
        answer = Answer(None, AbsentError(CALL, translated(CALL, result).error))
    else:
        answer = Answer(None, translated(CALL, result))
    return _FAILURES.setdefault(result, answer)


_FAILURES: dict[int, Answer] = {}
