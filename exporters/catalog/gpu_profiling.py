"""Signals of what the SMs, pipes, memory and engines of a GPU really do (NVML's GPM, Hopper on).

Ratios are means over the exporter's interval. The cycle counters run since boot, so that
`rate(active) / rate(elapsed)` is exact over any window (drivers from 595 on).
"""

from __future__ import annotations

from exporters.catalog.signal import Counter, Gauge

PIPES = (
    "tensor", "tensor_dfma", "tensor_hmma", "tensor_dmma", "tensor_imma", "integer",
    "fp64", "fp32", "fp16",
)  # fmt: skip
"""`tensor` is any tensor work; fp64, fp32 and fp16 are work outside of the tensor cores."""
DIRECTIONS = ("tx", "rx")
"""Seen from the device: sent, received."""
CODEC_ENGINES = (
    *(f"nvenc{engine}" for engine in range(4)),
    *(f"nvdec{engine}" for engine in range(8)),
    *(f"nvjpg{engine}" for engine in range(8)),
    *(f"nvofa{engine}" for engine in range(2)),
)
CACHES = ("host_memory", "peer_memory", "dram")

GRAPHICS_ACTIVE = Gauge(
    name="gpu_graphics_active_ratio",
    help="Share of time in which any compute or graphics work was on the device.",
    labels=("gpu",),
    unit="ratio",
)
SM_ACTIVE = Gauge(
    name="gpu_sm_active_ratio",
    help="Share of SMs that were busy, averaged over time.",
    labels=("gpu",),
    unit="ratio",
)
SM_OCCUPANCY = Gauge(
    name="gpu_sm_occupancy_ratio",
    help="Warps resident on the SMs over the most there can be.",
    labels=("gpu",),
    unit="ratio",
)
PIPE_ACTIVE = Gauge(
    name="gpu_pipe_active_ratio",
    help="Share of time in which the SMs worked in this pipe; tensor is any tensor pipe.",
    labels=("gpu", "pipe"),
    unit="ratio",
)
DRAM_ACTIVE = Gauge(
    name="gpu_dram_bandwidth_ratio",
    help="Memory bandwidth used over the highest there is.",
    labels=("gpu",),
    unit="ratio",
)
CODEC_ACTIVE = Gauge(
    name="gpu_codec_active_ratio",
    help="Share of time in which one encoder, decoder, JPEG or optical-flow engine worked.",
    labels=("gpu", "engine"),
    unit="ratio",
)
CACHE_HIT = Gauge(
    name="gpu_cache_hit_ratio",
    help="Share of cache look-ups for this memory that hit.",
    labels=("gpu", "cache"),
    unit="ratio",
)
PCIE_BANDWIDTH = Gauge(
    name="gpu_pcie_bandwidth_bytes_per_second",
    help="PCIe traffic, averaged over the interval.",
    labels=("gpu", "direction"),
    unit="bytes/second",
)
NVLINK_BANDWIDTH = Gauge(
    name="gpu_nvlink_bandwidth_bytes_per_second",
    help="NVLink traffic over all links, averaged over the interval.",
    labels=("gpu", "direction"),
    unit="bytes/second",
)
C2C_BANDWIDTH = Gauge(
    name="gpu_c2c_bandwidth_bytes_per_second",
    help="Traffic between the chips of a superchip, averaged over the interval.",
    labels=("gpu", "direction"),
    unit="bytes/second",
)
SM_CYCLES = Counter(
    name="gpu_sm_cycles_elapsed",
    help="Cycles that passed on the SMs, since boot.",
    labels=("gpu",),
)
SM_CYCLES_ACTIVE = Counter(
    name="gpu_sm_cycles_active",
    help="Cycles in which the SMs were busy, since boot.",
    labels=("gpu",),
)
PIPE_CYCLES_ACTIVE = Counter(
    name="gpu_pipe_cycles_active",
    help="Cycles in which the SMs worked in this pipe, since boot.",
    labels=("gpu", "pipe"),
)

SIGNALS = (
    GRAPHICS_ACTIVE, SM_ACTIVE, SM_OCCUPANCY, PIPE_ACTIVE, DRAM_ACTIVE, CODEC_ACTIVE, CACHE_HIT,
    PCIE_BANDWIDTH, NVLINK_BANDWIDTH, C2C_BANDWIDTH, SM_CYCLES, SM_CYCLES_ACTIVE,
    PIPE_CYCLES_ACTIVE,
)  # fmt: skip
