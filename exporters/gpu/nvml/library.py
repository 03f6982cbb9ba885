"""The library itself: loaded, called, its numbers made sense of."""

from __future__ import annotations

import ctypes
from math import isfinite
from pathlib import Path
from typing import Any, Final, NewType

import pynvml

from exporters.errors import ServerMissingError
from exporters.gpu.nvml.errors import translated

Handle = NewType("Handle", object)

UNSET: Final = (0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF)
"""What NVML writes where it has no value, in its 32 and 64 bit numbers."""


def call(name: str, *arguments: object, **options: object) -> Any:
    """Call pynvml's `name`; raises the NvmlError that its return code means."""
    try:
        return getattr(pynvml, name)(*arguments, **options)
    except pynvml.NVMLError as error:
        raise translated(name, error.value) from None
    except pynvml.NVMLLibraryMismatchError:  # how pynvml says it of some functions
        raise translated(name, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND) from None


def function(name: str) -> Any:
    """The library's own function, for calls that pynvml wraps expensively.

    Raises AbsentError where the driver does not have it.
    """
    try:
        return getattr(pynvml.nvmlLib, name)
    except AttributeError:
        raise translated(name, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND) from None


def check(name: str, code: int) -> None:
    """Raise the NvmlError that `code` means, if it means one."""
    if code != pynvml.NVML_SUCCESS:
        raise translated(name, code)


def use(path: Path) -> None:
    """Make pynvml speak to the library at `path`."""
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ServerMissingError(
            f"NVML library {path} cannot be loaded ({error}); "
            "correct [gpu] nvml_library, or leave it out for the system's driver"
        ) from None
    # pynvml takes any library assigned here, and keeps functions of the one before in its cache.
    if library is not pynvml.nvmlLib:
        pynvml._nvmlGetFunctionPointer_cache.clear()  # noqa: SLF001 - it has no public reset
        pynvml.nvmlLib = library


def exports(symbol: str) -> bool:
    """Whether the library has a symbol of this name."""
    try:
        ctypes.c_int.in_dll(pynvml.nvmlLib, symbol)
    except ValueError:
        return False
    return True


def number(value: float, scale: float = 1.0) -> float | None:
    """A value in base units; None for the marks of one that is not there."""
    return None if value in UNSET or not isfinite(value) else value * scale


def ratio(percent: float) -> float | None:
    """A percentage as a ratio; drivers have been seen to answer with garbage above 100."""
    if not 0 <= percent <= 101:
        return None
    return min(percent / 100, 1.0)


def text(value: str | bytes) -> str:
    """A name as NVML gives it."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
