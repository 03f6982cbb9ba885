"""Signals of the GPU exporter: what NVML says of each device."""

from __future__ import annotations

from exporters.catalog.signal import Counter, Gauge, Histogram

CLOCK_DOMAINS = ("graphics", "sm", "memory", "video")
THROTTLE_REASONS = (
    "gpu_idle", "applications_clocks_setting", "sw_power_cap", "hw_slowdown", "sync_boost",
    "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown",
    "display_clock_setting",
)  # fmt: skip
"""NVML's clock-event reasons (nvml.h, nvmlClocksEventReason*), bit by bit."""

GPU_INFO = Gauge(
    name="gpu_info",
    help="Always 1; the device's identity, and whether it is simulated.",
    labels=("gpu", "uuid", "name", "driver", "simulated"),
)
GPU_UP = Gauge(
    name="gpu_up", help="1 while the device answers NVML.", labels=("gpu",), unit="boolean"
)
GPU_UTILIZATION = Gauge(
    name="gpu_utilization_ratio",
    help="Share of the last sample period in which a kernel ran.",
    labels=("gpu",),
    unit="ratio",
)
GPU_MEMORY_CONTROLLER = Gauge(
    name="gpu_memory_controller_utilization_ratio",
    help="Share of the last sample period in which device memory was read or written.",
    labels=("gpu",),
    unit="ratio",
)
GPU_MEMORY_USED = Gauge(
    name="gpu_memory_used_bytes", help="Device memory in use.", labels=("gpu",), unit="bytes"
)
GPU_MEMORY_TOTAL = Gauge(
    name="gpu_memory_total_bytes", help="Device memory there is.", labels=("gpu",), unit="bytes"
)
GPU_POWER = Gauge(name="gpu_power_watts", help="Power drawn.", labels=("gpu",), unit="watts")
GPU_POWER_LIMIT = Gauge(
    name="gpu_power_limit_watts", help="Enforced power limit.", labels=("gpu",), unit="watts"
)
GPU_ENERGY = Counter(
    name="gpu_energy_joules",
    help="Energy used since the driver was loaded.",
    labels=("gpu",),
    unit="joules",
)
GPU_TEMPERATURE = Gauge(
    name="gpu_temperature_celsius", help="Core temperature.", labels=("gpu",), unit="celsius"
)
GPU_CLOCK = Gauge(
    name="gpu_clock_hertz", help="Current clock.", labels=("gpu", "domain"), unit="hertz"
)
GPU_CLOCK_MAX = Gauge(
    name="gpu_clock_max_hertz", help="Highest clock.", labels=("gpu", "domain"), unit="hertz"
)
GPU_THROTTLE_ACTIVE = Gauge(
    name="gpu_throttle_active",
    help="1 while this reason holds the clocks down.",
    labels=("gpu", "reason"),
    unit="boolean",
)
GPU_XID_ERRORS = Counter(
    name="gpu_xid_errors",
    help="XID errors since this exporter started, by code (NVIDIA, XID Errors).",
    labels=("gpu", "xid"),
)
GPU_EXPECTED = Gauge(
    name="gpu_devices", help="Devices seen at the last enumeration.", labels=(), unit="1"
)
NVML_ERRORS = Counter(
    name="gpu_nvml_errors",
    help="NVML calls that failed, by call and error.",
    labels=("call", "error"),
)
NVML_SCRAPE = Histogram(
    name="gpu_nvml_scrape_duration_seconds",
    help="Time to read all devices once.",
    labels=(),
    unit="seconds",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)

SIGNALS = (
    GPU_INFO, GPU_UP, GPU_UTILIZATION, GPU_MEMORY_CONTROLLER, GPU_MEMORY_USED, GPU_MEMORY_TOTAL,
    GPU_POWER, GPU_POWER_LIMIT, GPU_ENERGY, GPU_TEMPERATURE, GPU_CLOCK, GPU_CLOCK_MAX,
    GPU_THROTTLE_ACTIVE, GPU_XID_ERRORS, GPU_EXPECTED, NVML_ERRORS, NVML_SCRAPE,
)  # fmt: skip
