"""Signals of the GPU exporter: what NVML says of each device, and of the driver itself."""

from __future__ import annotations

from exporters.catalog import gpu_health, gpu_links, gpu_mig, gpu_processes, gpu_profiling
from exporters.catalog.signal import Counter, Gauge, Histogram

CLOCK_DOMAINS = ("graphics", "sm", "memory", "video")
THROTTLE_REASONS = (
    "gpu_idle", "applications_clocks_setting", "sw_power_cap", "hw_slowdown", "sync_boost",
    "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown",
    "display_clock_setting",
)  # fmt: skip
"""NVML's clock-event reasons (nvml.h, nvmlClocksEventReason*), bit by bit."""
ENGINES = ("encoder", "decoder", "jpeg", "ofa")
"""Fixed-function engines beside the SMs; `ofa` is optical flow."""
POWER_LIMITS = ("min", "max", "default", "requested", "current")
TEMPERATURE_LIMITS = ("shutdown", "slowdown", "memory_max", "gpu_max")
FAMILY_STATES = ("supported", "denied", "absent", "error")
"""Answered; refused for want of permission; not to be had here; failed."""

# Identity and presence.
GPU_INFO = Gauge(
    name="gpu_info",
    help="Always 1; the device's identity, and whether it is simulated.",
    labels=("gpu", "uuid", "name", "driver", "simulated"),
)
GPU_BOARD_INFO = Gauge(
    name="gpu_board_info",
    help="Always 1; where the device sits, its serial number and its firmware.",
    labels=("gpu", "pci_bus_id", "serial", "vbios"),
)
GPU_UP = Gauge(
    name="gpu_up", help="1 while the device answers NVML.", labels=("gpu",), unit="boolean"
)
GPU_EXPECTED = Gauge(
    name="gpu_devices", help="Devices seen at the last enumeration.", labels=(), unit="1"
)
GPU_DEVICES_EXPECTED = Gauge(
    name="gpu_devices_expected",
    help="Devices there should be: as configured, or the most that were ever seen.",
)
GPU_FAMILY_STATUS = Gauge(
    name="gpu_family_status",
    help="1 for what became of a family of readings: supported, denied, absent or error.",
    labels=("gpu", "family", "status"),
    unit="boolean",
)

# Utilisation as the driver samples it; gpu_profiling has what the SMs do meanwhile.
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
GPU_ENGINE_UTILIZATION = Gauge(
    name="gpu_engine_utilization_ratio",
    help="Share of the last sample period in which the engines of one kind worked.",
    labels=("gpu", "engine"),
    unit="ratio",
)

# Memory.
GPU_MEMORY_USED = Gauge(
    name="gpu_memory_used_bytes", help="Device memory in use.", labels=("gpu",), unit="bytes"
)
GPU_MEMORY_TOTAL = Gauge(
    name="gpu_memory_total_bytes", help="Device memory there is.", labels=("gpu",), unit="bytes"
)
GPU_MEMORY_FREE = Gauge(
    name="gpu_memory_free_bytes", help="Device memory not in use.", labels=("gpu",), unit="bytes"
)
GPU_MEMORY_RESERVED = Gauge(
    name="gpu_memory_reserved_bytes",
    help="Device memory that the driver and firmware keep for themselves.",
    labels=("gpu",),
    unit="bytes",
)
GPU_BAR1_USED = Gauge(
    name="gpu_bar1_memory_used_bytes",
    help="Device memory mapped for direct access by the CPU or other devices.",
    labels=("gpu",),
    unit="bytes",
)
GPU_BAR1_TOTAL = Gauge(
    name="gpu_bar1_memory_total_bytes",
    help="Device memory that can be mapped for direct access.",
    labels=("gpu",),
    unit="bytes",
)

# Power.
GPU_POWER = Gauge(name="gpu_power_watts", help="Power drawn.", labels=("gpu",), unit="watts")
GPU_POWER_INSTANT = Gauge(
    name="gpu_power_instant_watts", help="Power drawn now.", labels=("gpu",), unit="watts"
)
GPU_POWER_AVERAGE = Gauge(
    name="gpu_power_average_watts",
    help="Power drawn, averaged over the last second.",
    labels=("gpu",),
    unit="watts",
)
GPU_POWER_LIMIT = Gauge(
    name="gpu_power_limit_watts", help="Enforced power limit.", labels=("gpu",), unit="watts"
)
GPU_POWER_LIMITS = Gauge(
    name="gpu_power_limit_setting_watts",
    help="Power limits: min and max allowed, default, requested, current.",
    labels=("gpu", "limit"),
    unit="watts",
)
GPU_ENERGY = Counter(
    name="gpu_energy_joules",
    help="Energy used since the driver was loaded.",
    labels=("gpu",),
    unit="joules",
)

# Temperature.
GPU_TEMPERATURE = Gauge(
    name="gpu_temperature_celsius", help="Core temperature.", labels=("gpu",), unit="celsius"
)
GPU_MEMORY_TEMPERATURE = Gauge(
    name="gpu_memory_temperature_celsius",
    help="Temperature of the device memory.",
    labels=("gpu",),
    unit="celsius",
)
GPU_TEMPERATURE_LIMIT = Gauge(
    name="gpu_temperature_limit_celsius",
    help="Temperatures at which the device slows down, shuts down or counts as too hot.",
    labels=("gpu", "limit"),
    unit="celsius",
)
GPU_TEMPERATURE_MARGIN = Gauge(
    name="gpu_temperature_margin_celsius",
    help="Degrees left until the device slows itself down (T.Limit).",
    labels=("gpu",),
    unit="celsius",
)
GPU_TEMPERATURE_MARGIN_LIMIT = Gauge(
    name="gpu_temperature_margin_limit_celsius",
    help="Margins at which the device slows down, shuts down or counts as too hot (T.Limit).",
    labels=("gpu", "limit"),
    unit="celsius",
)
GPU_FAN_SPEED = Gauge(
    name="gpu_fan_speed_ratio",
    help="Intended fan speed as a share of the highest.",
    labels=("gpu",),
    unit="ratio",
)

# Clocks and what holds them down.
GPU_CLOCK = Gauge(
    name="gpu_clock_hertz", help="Current clock.", labels=("gpu", "domain"), unit="hertz"
)
GPU_CLOCK_MAX = Gauge(
    name="gpu_clock_max_hertz", help="Highest clock.", labels=("gpu", "domain"), unit="hertz"
)
GPU_PERFORMANCE_STATE = Gauge(
    name="gpu_performance_state",
    help="Performance state, 0 (P0, highest) to 15.",
    labels=("gpu",),
)
GPU_THROTTLE_ACTIVE = Gauge(
    name="gpu_throttle_active",
    help="1 while this reason holds the clocks down.",
    labels=("gpu", "reason"),
    unit="boolean",
)
GPU_THROTTLE_SECONDS = Counter(
    name="gpu_throttle_seconds",
    help="Time for which this reason held the clocks down, since the driver was loaded.",
    labels=("gpu", "reason"),
    unit="seconds",
)

# Modes.
GPU_PERSISTENCE = Gauge(
    name="gpu_persistence_mode_enabled",
    help="1 while the driver keeps the device initialised without clients.",
    labels=("gpu",),
    unit="boolean",
)
GPU_ECC_ENABLED = Gauge(
    name="gpu_ecc_enabled", help="1 while ECC is on.", labels=("gpu",), unit="boolean"
)

GPU_XID_ERRORS = gpu_health.GPU_XID_ERRORS
"""Here, too: where it was before the others moved out."""

# The driver, and this exporter's own dealings with it.
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
NVML_CALL = Histogram(
    name="gpu_nvml_call_duration_seconds",
    help="Time of one NVML call.",
    labels=("gpu",),
    unit="seconds",
    buckets=(1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.1, 1.0),
)
NVML_PASS_AGE = Gauge(
    name="gpu_nvml_pass_age_seconds",
    help="How long ago the last pass over the device ended; it grows while a call hangs.",
    labels=("gpu",),
    unit="seconds",
)
DRIVER_RELOADS = Counter(
    name="gpu_driver_reloads",
    help="Times the driver was let go and taken up again, because it or its devices changed.",
)

SIGNALS = (
    GPU_INFO, GPU_BOARD_INFO, GPU_UP, GPU_EXPECTED, GPU_DEVICES_EXPECTED, GPU_FAMILY_STATUS,
    GPU_UTILIZATION, GPU_MEMORY_CONTROLLER, GPU_ENGINE_UTILIZATION, GPU_MEMORY_USED,
    GPU_MEMORY_TOTAL, GPU_MEMORY_FREE, GPU_MEMORY_RESERVED, GPU_BAR1_USED, GPU_BAR1_TOTAL,
    GPU_POWER, GPU_POWER_INSTANT, GPU_POWER_AVERAGE, GPU_POWER_LIMIT, GPU_POWER_LIMITS,
    GPU_ENERGY, GPU_TEMPERATURE, GPU_MEMORY_TEMPERATURE, GPU_TEMPERATURE_LIMIT,
    GPU_TEMPERATURE_MARGIN, GPU_TEMPERATURE_MARGIN_LIMIT, GPU_FAN_SPEED, GPU_CLOCK,
    GPU_CLOCK_MAX, GPU_PERFORMANCE_STATE, GPU_THROTTLE_ACTIVE, GPU_THROTTLE_SECONDS,
    GPU_PERSISTENCE, GPU_ECC_ENABLED,
    *gpu_profiling.SIGNALS, *gpu_mig.SIGNALS, *gpu_health.SIGNALS, *gpu_links.SIGNALS,
    *gpu_processes.SIGNALS,
    NVML_ERRORS, NVML_SCRAPE, NVML_CALL, NVML_PASS_AGE, DRIVER_RELOADS,
)  # fmt: skip
