"""Recorded series of a GPU's chip, heat, links and readings, and of the kernel probe itself."""

from __future__ import annotations

from exporters.catalog.signal import Recorded

GPU = ("instance", "gpu")
DEVICE = ("instance", "device")

# What the chip does while it is called busy.
GPU_SM_OCCUPANCY = Recorded(
    name="gpu:sm_occupancy:ratio",
    help="Warps resident on the SMs over the most there can be.",
    labels=GPU,
    unit="ratio",
)
ENERGY_PER_TOKENS = Recorded(
    name="gpu:energy_per_1000_tokens_joules",
    help="Energy of a service's GPUs for a thousand generated tokens.",
    labels=("service",),
    unit="joules",
)

# Heat and power.
GPU_THROTTLED = Recorded(
    name="gpu:throttled:ratio",
    help="Share of time in which this reason held the clocks down.",
    labels=(*GPU, "reason"),
    unit="ratio",
)
GPU_MARGIN = Recorded(
    name="gpu:temperature_margin_celsius",
    help="Degrees left until core or memory are too hot.",
    labels=(*GPU, "part"),
    unit="celsius",
)

# Errors and repairs, beside those in `neutral_gpu`.
GPU_EVENTS = Recorded(
    name="gpu:events:increase",
    help="Events that the driver told of over the short window, beside XID errors.",
    labels=(*GPU, "event"),
)
GPU_ECC_CORRECTED = Recorded(
    name="gpu:ecc_corrected:rate",
    help="ECC errors that were mended.",
    labels=GPU,
    unit="events/second",
)
ROW_BANKS_SHORT = Recorded(
    name="gpu:row_banks_short",
    help="Memory banks with few spare rows left or none.",
    labels=GPU,
)

# Links.
PCIE_BYTES = Recorded(
    name="gpu:pcie_bytes:rate",
    help="Traffic between host and device, by the device's direction.",
    labels=(*GPU, "direction"),
    unit="bytes/second",
)
PCIE_WIDTH = Recorded(
    name="gpu:pcie_link_width:ratio",
    help="PCIe lanes in use over the most this device can have in this machine.",
    labels=GPU,
    unit="ratio",
)
NVLINK_BYTES = Recorded(
    name="gpu:nvlink_bytes:rate",
    help="Traffic over all NVLinks, by the device's direction.",
    labels=(*GPU, "direction"),
    unit="bytes/second",
)
NVLINKS_DOWN = Recorded(
    name="gpu:nvlink_links_down",
    help="NVLinks that were active within the last six hours and are not.",
    labels=GPU,
)
FABRIC_PROBLEM = Recorded(
    name="gpu:fabric_problem",
    help="1 while the device's fabric has this problem.",
    labels=(*GPU, "problem"),
    unit="boolean",
)

# The readings themselves.
GPU_SIMULATED = Recorded(
    name="gpu:simulated",
    help="1 for a device whose driver is a simulation.",
    labels=GPU,
    unit="boolean",
)
READINGS_LOST = Recorded(
    name="gpu:readings_lost",
    help="1 while a family of readings fails (error) or is refused (denied).",
    labels=(*GPU, "family", "status"),
    unit="boolean",
)
READINGS_AGE = Recorded(
    name="gpu:readings_age_seconds",
    help="How long ago the last pass over the device ended.",
    labels=GPU,
    unit="seconds",
)
NVML_ERRORS = Recorded(
    name="gpu:nvml_errors:rate",
    help="NVML calls that failed, by call and error.",
    labels=("instance", "call", "error"),
    unit="events/second",
)
NVML_CALL_P99 = Recorded(
    name="gpu:nvml_call_seconds:p99",
    help="99th percentile of one NVML call.",
    labels=GPU,
    unit="seconds",
)
NVML_PASS_P99 = Recorded(
    name="gpu:nvml_pass_seconds:p99",
    help="99th percentile of reading all devices once.",
    labels=("instance",),
    unit="seconds",
)

# The kernel probe.
KERNEL_PEAK = Recorded(
    name="gpu:kernel_peak:ratio",
    help="Share of the datasheet's peak of what limits the kernel.",
    labels=(*DEVICE, "kernel"),
    unit="ratio",
)
PROBE_DUTY = Recorded(
    name="gpu:probe_duty:ratio",
    help="Share of the device's time that the probe took.",
    labels=DEVICE,
    unit="ratio",
)
PROBE_SAMPLES = Recorded(
    name="gpu:probe_samples:rate",
    help="Samples of all kernels, by what else ran on the device.",
    labels=(*DEVICE, "state"),
    unit="events/second",
)
PROBE_SKIPPED = Recorded(
    name="gpu:probe_skipped:rate",
    help="Rounds of the probe that were left out, by why.",
    labels=(*DEVICE, "reason"),
    unit="events/second",
)

SIGNALS = (
    GPU_SM_OCCUPANCY, ENERGY_PER_TOKENS, GPU_THROTTLED, GPU_MARGIN, GPU_EVENTS,
    GPU_ECC_CORRECTED, ROW_BANKS_SHORT, PCIE_BYTES, PCIE_WIDTH, NVLINK_BYTES, NVLINKS_DOWN,
    FABRIC_PROBLEM, GPU_SIMULATED, READINGS_LOST, READINGS_AGE, NVML_ERRORS, NVML_CALL_P99,
    NVML_PASS_P99, KERNEL_PEAK, PROBE_DUTY, PROBE_SAMPLES, PROBE_SKIPPED,
)  # fmt: skip
