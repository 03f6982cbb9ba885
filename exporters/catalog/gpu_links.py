"""Signals of the links a GPU hangs on: PCIe, NVLink, chip to chip.

Directions are the device's: `tx` it sends, `rx` it receives. Bandwidths that GPM measures are in
`gpu_profiling`.
"""

from __future__ import annotations

from exporters.catalog.signal import Counter, Gauge

PCIE_ERRORS = (
    "correctable", "naks_received", "receiver", "bad_tlp", "naks_sent", "bad_dllp", "non_fatal",
    "fatal", "unsupported_request", "lcrc", "lane",
)  # fmt: skip
"""NVML's PCIe error counters, in the order of its field ids (nvml.h, NVML_FI_DEV_PCIE_COUNT_*)."""
NVLINK_ERRORS = (
    "replay", "recovery", "crc",
    "malformed_packet", "buffer_overrun", "receive", "receive_remote", "receive_general",
    "local_link_integrity", "transmit_discard", "recovery_failed", "effective", "symbol",
)  # fmt: skip
"""The first three up to NVLink 4, the others from NVLink 5 on."""
C2C_ERRORS = ("interrupt", "replay", "replay_back_to_back")

PCIE_BYTES = Counter(
    name="gpu_pcie_bytes",
    help="Bytes over PCIe.",
    labels=("gpu", "direction"),
    unit="bytes",
)
PCIE_REPLAYS = Counter(
    name="gpu_pcie_replays", help="PCIe packets that had to be sent again.", labels=("gpu",)
)
PCIE_LINK_ERRORS = Counter(
    name="gpu_pcie_errors", help="PCIe errors by kind.", labels=("gpu", "error")
)
PCIE_RECOVERIES = Counter(
    name="gpu_pcie_recoveries",
    help="Times the PCIe link left its active state to recover.",
    labels=("gpu",),
)
PCIE_GENERATION = Gauge(
    name="gpu_pcie_link_generation",
    help="PCIe generation the link runs at; lower while idle.",
    labels=("gpu",),
)
PCIE_GENERATION_MAX = Gauge(
    name="gpu_pcie_link_generation_max",
    help="Highest PCIe generation of this device in this machine.",
    labels=("gpu",),
)
PCIE_WIDTH = Gauge(name="gpu_pcie_link_width", help="PCIe lanes in use.", labels=("gpu",))
PCIE_WIDTH_MAX = Gauge(
    name="gpu_pcie_link_width_max",
    help="Most PCIe lanes of this device in this machine.",
    labels=("gpu",),
)

NVLINK_LINKS = Gauge(name="gpu_nvlink_links", help="NVLinks the device has.", labels=("gpu",))
NVLINK_BYTES = Counter(
    name="gpu_nvlink_bytes",
    help="Bytes over all NVLinks.",
    labels=("gpu", "direction"),
    unit="bytes",
)
NVLINK_LINK_BYTES = Counter(
    name="gpu_nvlink_link_bytes",
    help="Bytes over one NVLink.",
    labels=("gpu", "link", "direction"),
    unit="bytes",
)
NVLINK_TOTAL_ERRORS = Counter(
    name="gpu_nvlink_errors",
    help="Errors over all NVLinks, by kind.",
    labels=("gpu", "error"),
)
NVLINK_LINK_ERRORS = Counter(
    name="gpu_nvlink_link_errors",
    help="Errors of one NVLink, by kind.",
    labels=("gpu", "link", "error"),
)
NVLINK_UP = Gauge(
    name="gpu_nvlink_link_up",
    help="1 while the NVLink is active.",
    labels=("gpu", "link"),
    unit="boolean",
)
NVLINK_SPEED = Gauge(
    name="gpu_nvlink_link_speed_bytes_per_second",
    help="What the NVLink can carry.",
    labels=("gpu", "link"),
    unit="bytes/second",
)

C2C_LINKS = Gauge(
    name="gpu_c2c_links", help="Links between the chips of a superchip.", labels=("gpu",)
)
C2C_UP = Gauge(
    name="gpu_c2c_link_up",
    help="1 while the chip-to-chip link is active.",
    labels=("gpu", "link"),
    unit="boolean",
)
C2C_SPEED = Gauge(
    name="gpu_c2c_link_speed_bytes_per_second",
    help="What the chip-to-chip link can carry.",
    labels=("gpu", "link"),
    unit="bytes/second",
)
C2C_LINK_ERRORS = Counter(
    name="gpu_c2c_link_errors",
    help="Errors of one chip-to-chip link, by kind.",
    labels=("gpu", "link", "error"),
)

SIGNALS = (
    PCIE_BYTES, PCIE_REPLAYS, PCIE_LINK_ERRORS, PCIE_RECOVERIES, PCIE_GENERATION,
    PCIE_GENERATION_MAX, PCIE_WIDTH, PCIE_WIDTH_MAX, NVLINK_LINKS, NVLINK_BYTES,
    NVLINK_LINK_BYTES, NVLINK_TOTAL_ERRORS, NVLINK_LINK_ERRORS, NVLINK_UP, NVLINK_SPEED,
    C2C_LINKS, C2C_UP, C2C_SPEED, C2C_LINK_ERRORS,
)  # fmt: skip
