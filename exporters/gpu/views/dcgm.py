"""The page under dcgm-exporter's names and units, for dashboards and rules that read those.

Names, types and labels as dcgm-exporter 4.5 writes them (etc/*.csv, README). Left out is what NVML
does not tell in DCGM's unit (NVLINK_BANDWIDTH_TOTAL, CRC errors apart) and MIG instances.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import exporters.catalog.gpu as signals
from exporters.catalog import gpu_health, gpu_links, gpu_profiling
from exporters.catalog.signal import Signal
from exporters.exposition.text import clean, labels
from exporters.gpu.snapshot import Device, Readings, Snapshot

Read = Callable[[Readings], float | None]

MIB: Final = 1 / (1 << 20)
PERCENT: Final = 100.0
MHZ: Final = 1e-6
MILLIJOULES: Final = 1e3
NANOSECONDS: Final = 1e9

LABELS: Final = ("gpu", "UUID", "pci_bus_id", "device", "modelName", "Hostname")


@dataclass(frozen=True, slots=True)
class Field:
    """One family under DCGM's name."""

    name: str
    type: str
    help: str
    read: Read


def _of(signal: Signal, *where: str, scale: float = 1.0) -> Read:
    def read(readings: Readings) -> float | None:
        value = readings.value(signal, *where)
        return None if value is None else value * scale

    return read


def _reasons(readings: Readings) -> float | None:
    """The bits of NVML's mask, put together again."""
    flags = readings.series(signals.GPU_THROTTLE_ACTIVE)
    if not flags:
        return None
    bits = enumerate(signals.THROTTLE_REASONS)
    return float(sum(1 << bit for bit, reason in bits if flags.get((reason,))))


def _gauge(name: str, help_: str, read: Read) -> Field:
    return Field(f"DCGM_FI_{name}", "gauge", help_, read)


def _counter(name: str, help_: str, read: Read) -> Field:
    return Field(f"DCGM_FI_{name}", "counter", help_, read)


def _violation(name: str, reason: str) -> Field:
    told = f"Time throttled because of {reason.replace('_', ' ')} (ns)."
    read = _of(signals.GPU_THROTTLE_SECONDS, reason, scale=NANOSECONDS)
    return _counter(f"DEV_{name}_VIOLATION", told, read)


FIELDS: Final = (
    _gauge("DEV_SM_CLOCK", "SM clock (MHz).", _of(signals.GPU_CLOCK, "sm", scale=MHZ)),
    _gauge("DEV_MEM_CLOCK", "Memory clock (MHz).", _of(signals.GPU_CLOCK, "memory", scale=MHZ)),
    _gauge("DEV_MEMORY_TEMP", "Memory temperature (C).", _of(signals.GPU_MEMORY_TEMPERATURE)),
    _gauge("DEV_GPU_TEMP", "Core temperature (C).", _of(signals.GPU_TEMPERATURE)),
    _gauge("DEV_POWER_USAGE", "Power drawn (W).", _of(signals.GPU_POWER)),
    _gauge("DEV_POWER_MGMT_LIMIT", "Power limit (W).", _of(signals.GPU_POWER_LIMIT)),
    _counter(
        "DEV_TOTAL_ENERGY_CONSUMPTION",
        "Energy since the driver was loaded (mJ).",
        _of(signals.GPU_ENERGY, scale=MILLIJOULES),
    ),
    _counter("DEV_PCIE_REPLAY_COUNTER", "PCIe retries.", _of(gpu_links.PCIE_REPLAYS)),
    _gauge("DEV_GPU_UTIL", "Utilization (%).", _of(signals.GPU_UTILIZATION, scale=PERCENT)),
    _gauge(
        "DEV_MEM_COPY_UTIL",
        "Memory utilization (%).",
        _of(signals.GPU_MEMORY_CONTROLLER, scale=PERCENT),
    ),
    _gauge(
        "DEV_ENC_UTIL",
        "Encoder utilization (%).",
        _of(signals.GPU_ENGINE_UTILIZATION, "encoder", scale=PERCENT),
    ),
    _gauge(
        "DEV_DEC_UTIL",
        "Decoder utilization (%).",
        _of(signals.GPU_ENGINE_UTILIZATION, "decoder", scale=PERCENT),
    ),
    _gauge("DEV_CLOCKS_EVENT_REASONS", "Mask of what holds the clocks down.", _reasons),
    _violation("POWER", "sw_power_cap"),
    _violation("THERMAL", "thermal"),
    _violation("SYNC_BOOST", "sync_boost"),
    _violation("BOARD_LIMIT", "board_limit"),
    _violation("LOW_UTIL", "low_utilization"),
    _violation("RELIABILITY", "reliability"),
    _gauge("DEV_FB_FREE", "Memory free (MiB).", _of(signals.GPU_MEMORY_FREE, scale=MIB)),
    _gauge("DEV_FB_USED", "Memory used (MiB).", _of(signals.GPU_MEMORY_USED, scale=MIB)),
    _gauge("DEV_FB_TOTAL", "Memory there is (MiB).", _of(signals.GPU_MEMORY_TOTAL, scale=MIB)),
    _gauge(
        "DEV_FB_RESERVED", "Memory reserved (MiB).", _of(signals.GPU_MEMORY_RESERVED, scale=MIB)
    ),
    *(
        _counter(
            f"DEV_ECC_{bits}_{span[:3].upper()}_TOTAL",
            f"ECC errors, {kind}, {span}.",
            _of(gpu_health.ECC_ERRORS, kind, span),
        )
        for span in gpu_health.ECC_SPANS
        for bits, kind in (("SBE", "corrected"), ("DBE", "uncorrected"))
    ),
    _counter(
        "DEV_RETIRED_SBE", "Pages retired, single-bit.", _of(gpu_health.RETIRED_PAGES, "single_bit")
    ),
    _counter(
        "DEV_RETIRED_DBE", "Pages retired, double-bit.", _of(gpu_health.RETIRED_PAGES, "double_bit")
    ),
    _counter("DEV_RETIRED_PENDING", "Pages to be retired.", _of(gpu_health.RETIRED_PENDING)),
    _counter(
        "DEV_UNCORRECTABLE_REMAPPED_ROWS",
        "Rows remapped after uncorrectable errors.",
        _of(gpu_health.REMAPPED_ROWS, "uncorrectable"),
    ),
    _counter(
        "DEV_CORRECTABLE_REMAPPED_ROWS",
        "Rows remapped after correctable errors.",
        _of(gpu_health.REMAPPED_ROWS, "correctable"),
    ),
    _gauge("DEV_ROW_REMAP_FAILURE", "Whether a remap failed.", _of(gpu_health.REMAP_FAILURE)),
    _counter(
        "DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL",
        "NVLink retries.",
        _of(gpu_links.NVLINK_TOTAL_ERRORS, "replay"),
    ),
    _counter(
        "DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL",
        "NVLink recoveries.",
        _of(gpu_links.NVLINK_TOTAL_ERRORS, "recovery"),
    ),
    _gauge(
        "PROF_GR_ENGINE_ACTIVE",
        "Share of time with work on the device.",
        _of(gpu_profiling.GRAPHICS_ACTIVE),
    ),
    _gauge("PROF_SM_ACTIVE", "Share of SMs that were busy.", _of(gpu_profiling.SM_ACTIVE)),
    _gauge("PROF_SM_OCCUPANCY", "Share of resident warps.", _of(gpu_profiling.SM_OCCUPANCY)),
    _gauge("PROF_DRAM_ACTIVE", "Share of memory bandwidth.", _of(gpu_profiling.DRAM_ACTIVE)),
    *(
        _gauge(
            f"PROF_PIPE_{pipe.upper()}_ACTIVE",
            f"Share of time in the {pipe} pipe.",
            _of(gpu_profiling.PIPE_ACTIVE, pipe),
        )
        for pipe in ("tensor", "fp64", "fp32", "fp16")
    ),
    *(
        _gauge(
            f"PROF_PCIE_{direction.upper()}_BYTES",
            f"PCIe traffic, {direction} (B/s).",
            _of(gpu_profiling.PCIE_BANDWIDTH, direction),
        )
        for direction in gpu_profiling.DIRECTIONS
    ),
)

XID: Final = _gauge("DEV_XID_ERRORS", "Code of the last XID error, 0 before it.", lambda _: None)
"""Told by events, not by readings."""

LastXids = Callable[[], Mapping[str, int]]
"""The code of the last XID error by GPU; 0 before the first, as DCGM has it."""


class DcgmView:
    """A source of the page under DCGM's names."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        last_xids: LastXids,
        hostname: str | None = None,
    ) -> None:
        self._snapshot = snapshot
        self._last_xids = last_xids
        self._hostname = hostname or os.environ.get("NODE_NAME") or socket.gethostname()

    def collect_text(self) -> str:
        """Every family that a device has a value for."""
        answering = [
            (self._labels(device), device, device.readings)
            for device in self._snapshot().devices
            if device.readings is not None
        ]
        page = [
            _family(field, ((names, field.read(readings)) for names, _, readings in answering))
            for field in FIELDS
        ]
        xids = self._last_xids()
        last = ((names, xids.get(str(device.index))) for names, device, _ in answering)
        page.append(_family(XID, last))
        return "".join(page)

    def collect_openmetrics(self) -> str:
        """The same; OpenMetrics has no counter without `_total`, so those are of unknown type."""
        return self.collect_text().replace(" counter\n", " unknown\n")

    def _labels(self, device: Device) -> str:
        known = device.identity
        values = (
            str(device.index),
            known.uuid if known else "",
            known.pci_bus_id if known else "",
            f"nvidia{device.index}",
            known.name if known else "",
            self._hostname,
        )
        return labels(LABELS, tuple(map(clean, values)))


def _family(field: Field, samples: Iterable[tuple[str, float | None]]) -> str:
    lines = [f"{field.name}{names} {value!r}\n" for names, value in samples if value is not None]
    if not lines:
        return ""
    return f"# HELP {field.name} {field.help}\n# TYPE {field.name} {field.type}\n{''.join(lines)}"
