"""Signals of the inference probe: what a known kernel really takes on the device."""

from __future__ import annotations

from exporters.catalog.signal import Counter, Gauge

KERNELS = ("gemm_prefill", "gemm_decode", "attention_decode", "device_copy")

PROBE_INFO = Gauge(
    name="kernel_probe_info",
    help="Always 1; the device and library the kernels run on.",
    labels=("device", "name", "torch"),
)
PROBE_DEVICE = Gauge(
    name="kernel_probe_device_info",
    help="Always 1; what kind of device it is (cuda, cpu, simulated), and its UUID in NVML.",
    labels=("device", "kind", "uuid"),
)
PROBE_P50 = Gauge(
    name="kernel_probe_p50_seconds",
    help="Median time of one launch over the recent samples.",
    labels=("device", "kernel"),
    unit="seconds",
)
PROBE_P99 = Gauge(
    name="kernel_probe_p99_seconds",
    help="99th percentile of one launch over the recent samples.",
    labels=("device", "kernel"),
    unit="seconds",
)
PROBE_FLOPS = Gauge(
    name="kernel_probe_flops_per_second",
    help="Floating-point operations achieved, at the median.",
    labels=("device", "kernel"),
    unit="flops/second",
)
PROBE_BYTES = Gauge(
    name="kernel_probe_bytes_per_second",
    help="Bytes moved, at the median.",
    labels=("device", "kernel"),
    unit="bytes/second",
)
PROBE_SLOWDOWN = Gauge(
    name="kernel_probe_slowdown_ratio",
    help="Median time over this device's own baseline; 1 is normal, 2 is twice as slow.",
    labels=("device", "kernel"),
    unit="ratio",
)
PROBE_SAMPLES = Counter(
    name="kernel_probe_samples",
    help="Samples taken, by what else ran on the device (idle, contended).",
    labels=("device", "kernel", "state"),
)
PROBE_WRONG = Counter(
    name="kernel_probe_wrong_results",
    help="Samples whose result was not the known one: silent corruption.",
    labels=("device", "kernel"),
)
PROBE_BUSY = Counter(
    name="kernel_probe_busy_seconds",
    help="Time the probe itself kept the device busy.",
    labels=("device",),
    unit="seconds",
)

SIGNALS = (
    PROBE_INFO, PROBE_DEVICE, PROBE_P50, PROBE_P99, PROBE_FLOPS, PROBE_BYTES, PROBE_SLOWDOWN,
    PROBE_SAMPLES, PROBE_WRONG, PROBE_BUSY,
)  # fmt: skip
