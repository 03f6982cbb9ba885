"""Signals of a GPU's health: errors, failing memory, what must be done, the fabric."""

from __future__ import annotations

from exporters.catalog.signal import Counter, Gauge

EVENTS = (
    "single_bit_ecc_error", "double_bit_ecc_error", "single_bit_ecc_storm", "dram_retirement",
    "dram_retirement_failure", "non_fatal_poison", "fatal_poison", "gpu_unavailable",
    "recovery_action",
)  # fmt: skip
"""What a driver tells as it happens, beside XID errors (nvml.h, nvmlEventType*)."""
RECOVERY_ACTIONS = (
    "none", "gpu_reset", "node_reboot", "drain_p2p", "drain_and_reset", "recover_imex_domain",
    "bus_reset", "system_reboot",
)  # fmt: skip
"""In the order of NVML's codes."""
ECC_TYPES = ("corrected", "uncorrected")
ECC_SPANS = ("volatile", "aggregate")
"""Since the driver was loaded; over the life of the board."""
ECC_LOCATIONS = ("l1_cache", "l2_cache", "dram", "register_file", "texture", "cbu", "sram")
ROW_AVAILABILITY = ("max", "high", "partial", "low", "none")
REPAIRS = ("channel", "tpc")
FABRIC_STATES = ("not_started", "in_progress", "completed")
FABRIC_HEALTH = ("healthy", "unhealthy", "limited_capacity")
FABRIC_PROBLEMS = (
    "degraded_bandwidth", "route_recovery", "route_unhealthy", "access_timeout_recovery",
)  # fmt: skip

# As they happen.
GPU_XID_ERRORS = Counter(
    name="gpu_xid_errors",
    help="XID errors since this exporter started, by code (NVIDIA, XID Errors).",
    labels=("gpu", "xid"),
)
XID_LAST = Gauge(
    name="gpu_xid_last_timestamp_seconds",
    help="When the XID error was last raised.",
    labels=("gpu", "xid"),
    unit="timestamp",
)
GPU_EVENTS = Counter(
    name="gpu_events",
    help="Events that the driver told since this exporter started, beside XID errors.",
    labels=("gpu", "event"),
)

# What must be done.
RECOVERY_ACTION = Gauge(
    name="gpu_recovery_action",
    help="1 for what the driver says must be done to recover the device; none when it is well.",
    labels=("gpu", "action"),
    unit="boolean",
)
REPAIR_PENDING = Gauge(
    name="gpu_repair_pending",
    help="1 while a repair of a memory channel or a TPC waits for a reset.",
    labels=("gpu", "repair"),
    unit="boolean",
)

# Memory errors.
ECC_ERRORS = Counter(
    name="gpu_ecc_errors",
    help="ECC errors since the driver was loaded (volatile) or since manufacture (aggregate).",
    labels=("gpu", "type", "span"),
)
ECC_LOCATION_ERRORS = Counter(
    name="gpu_ecc_location_errors",
    help="ECC errors by where they happened, since the driver was loaded.",
    labels=("gpu", "type", "location"),
)
ECC_LOCATION_LIFETIME_ERRORS = Counter(
    name="gpu_ecc_location_lifetime_errors",
    help="ECC errors by where they happened, since manufacture.",
    labels=("gpu", "type", "location"),
)
SRAM_THRESHOLD = Gauge(
    name="gpu_sram_ecc_threshold_exceeded",
    help="1 when uncorrectable SRAM errors passed the limit for replacing the board (needs root).",
    labels=("gpu",),
    unit="boolean",
)
RETIRED_PAGES = Counter(
    name="gpu_retired_pages",
    help="Pages of device memory taken out of use, by what was wrong (before Ampere).",
    labels=("gpu", "cause"),
)
RETIRED_PENDING = Gauge(
    name="gpu_retired_pages_pending",
    help="1 while pages wait for a reset to be taken out of use.",
    labels=("gpu",),
    unit="boolean",
)
REMAPPED_ROWS = Counter(
    name="gpu_remapped_rows",
    help="Rows of device memory replaced by spare ones, by what was wrong (Ampere and later).",
    labels=("gpu", "cause"),
)
REMAP_PENDING = Gauge(
    name="gpu_row_remap_pending",
    help="1 while rows wait for a reset to be remapped.",
    labels=("gpu",),
    unit="boolean",
)
REMAP_FAILURE = Gauge(
    name="gpu_row_remap_failure",
    help="1 when a row could not be remapped: the board needs replacing.",
    labels=("gpu",),
    unit="boolean",
)
ROW_BANKS = Gauge(
    name="gpu_row_remap_banks",
    help="Memory banks by how many spare rows they have left.",
    labels=("gpu", "availability"),
)

# The NVLink fabric the device belongs to.
FABRIC_INFO = Gauge(
    name="gpu_fabric_info",
    help="Always 1; the fabric's cluster and the clique in it.",
    labels=("gpu", "cluster", "clique"),
)
FABRIC_STATE = Gauge(
    name="gpu_fabric_state",
    help="1 for how far the device's registration with the fabric has come.",
    labels=("gpu", "state"),
    unit="boolean",
)
FABRIC_FAILED = Gauge(
    name="gpu_fabric_registration_failed",
    help="1 when the registration ended with an error.",
    labels=("gpu",),
    unit="boolean",
)
FABRIC_HEALTH_STATE = Gauge(
    name="gpu_fabric_health",
    help="1 for the state of health of the device's fabric.",
    labels=("gpu", "health"),
    unit="boolean",
)
FABRIC_PROBLEM = Gauge(
    name="gpu_fabric_problem",
    help="1 while the fabric has this problem.",
    labels=("gpu", "problem"),
    unit="boolean",
)

SIGNALS = (
    GPU_XID_ERRORS, XID_LAST, GPU_EVENTS, RECOVERY_ACTION, REPAIR_PENDING, ECC_ERRORS,
    ECC_LOCATION_ERRORS, ECC_LOCATION_LIFETIME_ERRORS, SRAM_THRESHOLD, RETIRED_PAGES,
    RETIRED_PENDING, REMAPPED_ROWS, REMAP_PENDING, REMAP_FAILURE, ROW_BANKS, FABRIC_INFO,
    FABRIC_STATE, FABRIC_FAILED, FABRIC_HEALTH_STATE, FABRIC_PROBLEM,
)  # fmt: skip
