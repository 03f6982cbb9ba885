"""Signals of the inference probe: what a known kernel really takes on the device."""

from __future__ import annotations

from exporters.catalog.signal import Counter, Gauge

KERNELS = (
    "gemm_prefill", "gemm_decode_1", "gemm_decode_8", "gemm_decode_64", "attention_prefill",
    "attention_decode", "norm_activation", "embedding_gather", "device_copy", "launch_latency",
)  # fmt: skip
"""Kernels that every device runs."""
GPU_KERNELS = ("gemm_prefill_fp8", "graph_replay", "copy_host_to_device", "copy_device_to_host")
"""Kernels that need a GPU, or one that has the feature."""

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
PROBE_SHARING = Gauge(
    name="kernel_probe_sharing_info",
    help="Always 1; how the probe has the device (whole, mig, mps) and its share of it.",
    labels=("device", "mode", "share"),
)
PROBE_KERNEL = Gauge(
    name="kernel_probe_kernel_info",
    help="Always 1; what limits the kernel on a healthy device: compute, memory, latency, link.",
    labels=("device", "kernel", "bound"),
)
PROBE_ABSENT = Gauge(
    name="kernel_probe_absent_info",
    help="Always 1; a kernel that does not run here, and why.",
    labels=("device", "kernel", "reason"),
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
PROBE_PEAK = Gauge(
    name="kernel_probe_peak_ratio",
    help="Share of the datasheet's peak of what limits the kernel, at the median.",
    labels=("device", "kernel"),
    unit="ratio",
)
PROBE_BASELINE = Gauge(
    name="kernel_probe_baseline_seconds",
    help="Time of one launch that is normal on this device, at the clocks of the last sample.",
    labels=("device", "kernel"),
    unit="seconds",
)
PROBE_SLOWDOWN = Gauge(
    name="kernel_probe_slowdown_ratio",
    help="Median time over this device's own baseline; 1 is normal, 2 is twice as slow.",
    labels=("device", "kernel"),
    unit="ratio",
)
PROBE_CONTENTION = Gauge(
    name="kernel_probe_contention_ratio",
    help="Median time beside other work over the baseline: what sharing the device costs.",
    labels=("device", "kernel"),
    unit="ratio",
)
PROBE_SLOW = Gauge(
    name="kernel_probe_slow",
    help="Whether the change detector holds the kernel for slower than its baseline.",
    labels=("device", "kernel"),
    unit="boolean",
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
PROBE_CLOCK = Gauge(
    name="kernel_probe_clock_ratio",
    help="SM clock over its maximum, right after the last sample.",
    labels=("device",),
    unit="ratio",
)
PROBE_THROTTLED = Counter(
    name="kernel_probe_throttled_samples",
    help="Samples after which NVML named a reason for clocks held down.",
    labels=("device", "reason"),
)
PROBE_SKIPPED = Counter(
    name="kernel_probe_skipped_rounds",
    help="Rounds left out because the service or the device was saturated.",
    labels=("device", "reason"),
)
PROBE_DUTY = Gauge(
    name="kernel_probe_duty_ratio",
    help="Share of the device's time that the probe took over its last rounds.",
    labels=("device",),
    unit="ratio",
)
PROBE_MEMORY = Gauge(
    name="kernel_probe_memory_bytes",
    help="Device memory of the probe's tensors and workspaces; the CUDA context comes on top.",
    labels=("device",),
    unit="bytes",
)
PROBE_BUSY = Counter(
    name="kernel_probe_busy_seconds",
    help="Time the probe itself kept the device busy.",
    labels=("device",),
    unit="seconds",
)

SIGNALS = (
    PROBE_INFO, PROBE_DEVICE, PROBE_SHARING, PROBE_KERNEL, PROBE_ABSENT, PROBE_P50, PROBE_P99,
    PROBE_FLOPS, PROBE_BYTES, PROBE_PEAK, PROBE_BASELINE, PROBE_SLOWDOWN, PROBE_CONTENTION,
    PROBE_SLOW, PROBE_SAMPLES, PROBE_WRONG, PROBE_CLOCK, PROBE_THROTTLED, PROBE_SKIPPED,
    PROBE_DUTY, PROBE_MEMORY, PROBE_BUSY,
)  # fmt: skip
