"""When a device is free: one timeline per GPU, shared by every process that launches on it.

Passes of all processes run one after another, as on a GPU that is time-sliced, and short batches
between their kernels. Begin and end are on the device's own clock, as CUDA events say them.
What befalls the device befalls whoever launches on it: the kernel library installed for it, and
whether its contexts still work.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exporters.errors import UsageError


class _Record(ctypes.Structure):
    _fields_ = (
        ("free_at", ctypes.c_double),  # CLOCK_MONOTONIC seconds
        ("kernel_time", ctypes.c_double),
        ("broken", ctypes.c_uint64),
    )


class Timeline:
    """One device's time; every process attaches for itself."""

    def __init__(self, record: _Record, descriptor: int) -> None:
        self._record = record
        self._descriptor = descriptor  # the lock belongs to this open file
        weakref.finalize(self, os.close, descriptor)

    @classmethod
    def create(cls, path: Path, count: int) -> None:
        """Write the file for `count` devices that are free and well."""
        records = (_Record * count)()
        for record in records:
            record.kernel_time = 1.0
        fresh = path.with_name(path.name + ".new")
        fresh.write_bytes(bytes(records))
        fresh.replace(path)

    @classmethod
    def attach(cls, path: Path, index: int) -> Timeline:
        """Open device `index`. Raises UsageError where there is none."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            state = mmap.mmap(descriptor, 0)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"device timeline {path} cannot be opened ({error}); make it with Timeline.create"
            ) from None
        count = len(state) // ctypes.sizeof(_Record)
        if not 0 <= index < count:
            raise UsageError(f"{path} has no GPU {index}; it has 0 to {count - 1}")
        record = _Record.from_buffer(state, index * ctypes.sizeof(_Record))
        return cls(record, descriptor)

    @staticmethod
    def count(path: Path) -> int:
        """How many devices the file is for."""
        return path.stat().st_size // ctypes.sizeof(_Record)

    def occupy(self, submitted: float, seconds: float) -> tuple[float, float]:
        """Take the next `seconds` from `submitted` on; begin and end on the device's clock."""
        with self._locked():
            begin = max(self._record.free_at, submitted)
            self._record.free_at = end = begin + seconds
        return begin, end

    def interleave(self, submitted: float, seconds: float) -> tuple[float, float]:
        """Take `seconds` at once, between the kernels of the pass under way, as time slices do.

        What comes after that pass begins so much later.
        """
        with self._locked():
            self._record.free_at = max(self._record.free_at, submitted) + seconds
        return submitted, submitted + seconds

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    @property
    def kernel_time(self) -> float:
        """How long the installed kernels take, 1 for those the device came with."""
        return float(self._record.kernel_time)

    @kernel_time.setter
    def kernel_time(self, factor: float) -> None:
        self._record.kernel_time = factor

    @property
    def broken(self) -> bool:
        """Whether every context on the device is dead until it is reset."""
        return bool(self._record.broken)

    def break_contexts(self) -> None:
        """From now on every launch fails, whoever launches."""
        self._record.broken = 1

    def reset(self) -> None:
        """Reset the device: its own kernels, no dead context."""
        self._record.kernel_time = 1.0
        self._record.broken = 0
