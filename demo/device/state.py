"""The device state file: replicas report their load into it, faults change the device in it.

One fixed-size record per GPU, memory-mapped, so that any number of processes see one device. Each
field has one writer at a time and is stored whole (8 bytes, aligned), so no lock is needed.
`nvml/state.h` holds the same layout.
"""

from __future__ import annotations

import ctypes
import enum
import mmap
import os
import time
import uuid
from pathlib import Path
from typing import Final

from exporters.errors import UsageError

STATE_VARIABLE: Final = "BUSYSIGNAL_DEVICE_STATE"
"""Environment variable that tells the simulated NVML which state file to read."""

CALLS: Final = (
    "nvmlDeviceGetUtilizationRates",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetPowerUsage",
    "nvmlDeviceGetEnforcedPowerLimit",
    "nvmlDeviceGetTotalEnergyConsumption",
    "nvmlDeviceGetTemperature",
    "nvmlDeviceGetClockInfo",
    "nvmlDeviceGetMaxClockInfo",
    "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetName",
    "nvmlDeviceGetUUID",
    "nvmlDeviceRegisterEvents",
)
"""NVML calls that can be made to fail, in the order of the library's slots."""

NOT_AVAILABLE: Final = -1
"""For `SimulatedGpu.answer_with`: the call succeeds with NVML's "not available" values."""

MAX_DEVICES: Final = 64
_MAGIC: Final = int.from_bytes(b"BUSYGPU1", "little")
_XID_RING: Final = 16
_CALL_SLOTS: Final = 16


class ThrottleReason(enum.IntFlag):
    """Why the clocks are held down (nvml.h, nvmlClocksEventReason*)."""

    SW_POWER_CAP = 0x4
    HW_SLOWDOWN = 0x8
    SW_THERMAL_SLOWDOWN = 0x20
    HW_THERMAL_SLOWDOWN = 0x40
    HW_POWER_BRAKE_SLOWDOWN = 0x80


class _Header(ctypes.Structure):
    _fields_ = (
        ("magic", ctypes.c_uint64),
        ("count", ctypes.c_uint64),
        ("record_size", ctypes.c_uint64),
        ("reserved", ctypes.c_uint64),
    )


class _Record(ctypes.Structure):
    _fields_ = (
        ("uuid", ctypes.c_char * 80),
        ("name", ctypes.c_char * 96),
        ("busy_ratio", ctypes.c_double),
        ("reported_at", ctypes.c_double),
        ("owner", ctypes.c_int64),
        ("memory_used", ctypes.c_uint64),
        ("memory_total", ctypes.c_uint64),
        ("power_idle", ctypes.c_double),
        ("power_limit", ctypes.c_double),
        ("clock_ratio", ctypes.c_double),
        ("throttle_reasons", ctypes.c_uint64),
        ("lost", ctypes.c_int64),
        ("xid_count", ctypes.c_uint64),
        ("xids", ctypes.c_uint64 * _XID_RING),
        ("call_results", ctypes.c_int64 * _CALL_SLOTS),
    )


class SimulatedGpu:
    """One simulated GPU: what its replica reports, and what befalls it."""

    def __init__(self, record: _Record, index: int) -> None:
        self._record = record
        self.index = index

    @classmethod
    def create(
        cls,
        path: Path,
        count: int,
        *,
        name: str = "NVIDIA H100 80GB HBM3",
        memory_total_bytes: int = 80 << 30,
        power_idle_watts: float = 70.0,
        power_limit_watts: float = 700.0,
        seed: int = 0,
    ) -> list[SimulatedGpu]:
        """Write a new state file with `count` healthy, idle devices; `seed` draws their UUIDs."""
        if not 1 <= count <= MAX_DEVICES:
            raise UsageError(f"{count} simulated GPUs asked for; allowed are 1 to {MAX_DEVICES}")
        header = _Header(_MAGIC, count, ctypes.sizeof(_Record))
        records = (_Record * count)()
        for index, record in enumerate(records):
            identity = uuid.uuid5(uuid.NAMESPACE_OID, f"simulated gpu {seed}/{index}")
            record.uuid = f"GPU-{identity}".encode()
            record.name = name.encode()
            record.memory_total = memory_total_bytes
            record.power_idle, record.power_limit = power_idle_watts, power_limit_watts
            record.clock_ratio = 1.0
        # A process that has the old file mapped keeps it: never truncate below a reader.
        fresh = path.with_name(path.name + ".new")
        fresh.write_bytes(bytes(header) + bytes(records))
        fresh.replace(path)
        return [cls.attach(path, index) for index in range(count)]

    @classmethod
    def attach(cls, path: Path, index: int) -> SimulatedGpu:
        """Open device `index` of an existing state file, from any process."""
        try:
            with path.open("r+b") as file:
                state = mmap.mmap(file.fileno(), 0)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"device state {path} cannot be opened ({error}); "
                "make it first with SimulatedGpu.create"
            ) from None
        if len(state) < ctypes.sizeof(_Header) or _Header.from_buffer(state).magic != _MAGIC:
            raise UsageError(f"{path} is no device state file; make one with SimulatedGpu.create")
        count = _Header.from_buffer(state).count
        if not 0 <= index < count:
            raise UsageError(f"{path} has no GPU {index}; it has 0 to {count - 1}")
        offset = ctypes.sizeof(_Header) + index * ctypes.sizeof(_Record)
        return cls(_Record.from_buffer(state, offset), index)

    @property
    def uuid(self) -> str:
        return bytes(self._record.uuid).decode()

    @property
    def memory_total_bytes(self) -> int:
        return int(self._record.memory_total)

    @property
    def clock_ratio(self) -> float:
        """What throttling leaves of the highest clocks; kernels on the device slow by it."""
        return float(self._record.clock_ratio)

    @property
    def is_lost(self) -> bool:
        return bool(self._record.lost)

    def report(self, *, busy_ratio: float, memory_used_bytes: int) -> None:
        """Say what this process does on the device; at least once a second, from one process.

        `busy_ratio` is the share of the last second or so in which a kernel ran. Five seconds
        without a report read as idle; when the process ends, its memory is free again.
        """
        record = self._record
        record.busy_ratio = min(max(busy_ratio, 0.0), 1.0)
        record.memory_used = min(max(memory_used_bytes, 0), record.memory_total)
        record.owner = os.getpid()
        record.reported_at = time.monotonic()

    def throttle(self, reason: ThrottleReason, clock_ratio: float) -> None:
        """Hold the clocks at `clock_ratio` of their maximum, for `reason`."""
        if not 0.0 < clock_ratio <= 1.0:
            raise UsageError(f"clock_ratio {clock_ratio} is not valid; allowed are 0 < ratio <= 1")
        self._record.clock_ratio = clock_ratio
        self._record.throttle_reasons = int(reason)

    def raise_xid(self, code: int) -> None:
        """Raise an XID error, heard by every event set that registered before."""
        record = self._record
        record.xids[record.xid_count % _XID_RING] = code
        record.xid_count += 1

    def lose(self) -> None:
        """Fall off the bus: every call answers GPU_IS_LOST."""
        self._record.lost = 1

    def answer_with(self, call: str, result: int) -> None:
        """Make one NVML call return an error code, or NOT_AVAILABLE values; 0 heals it."""
        if call not in CALLS:
            raise UsageError(f"NVML call {call} cannot be made to fail; allowed: {CALLS}")
        self._record.call_results[CALLS.index(call)] = result

    def heal(self) -> None:
        """Undo every fault; what was counted stays counted."""
        self._record.clock_ratio = 1.0
        self._record.throttle_reasons = 0
        self._record.lost = 0
        for slot in range(_CALL_SLOTS):
            self._record.call_results[slot] = 0
