"""Signals of MIG: the instances that one GPU is cut into.

`gpu_instance` is the driver's id of the instance on its device. (`instance` is Prometheus' own.)
"""

from __future__ import annotations

from exporters.catalog.signal import Gauge

LABELS = ("gpu", "gpu_instance")

MIG_ENABLED = Gauge(
    name="gpu_mig_enabled",
    help="1 while the device is cut into MIG instances.",
    labels=("gpu",),
    unit="boolean",
)
MIG_INFO = Gauge(
    name="gpu_mig_info",
    help="Always 1; a MIG device: its place in the GPU, its UUID and its profile.",
    labels=("gpu", "gpu_instance", "compute_instance", "uuid", "profile"),
)
MIG_MEMORY_USED = Gauge(
    name="gpu_mig_memory_used_bytes",
    help="Memory of the instance in use.",
    labels=LABELS,
    unit="bytes",
)
MIG_MEMORY_TOTAL = Gauge(
    name="gpu_mig_memory_total_bytes",
    help="Memory the instance has.",
    labels=LABELS,
    unit="bytes",
)
MIG_GRAPHICS_ACTIVE = Gauge(
    name="gpu_mig_graphics_active_ratio",
    help="Share of time in which any compute or graphics work was on the instance.",
    labels=LABELS,
    unit="ratio",
)
MIG_SM_ACTIVE = Gauge(
    name="gpu_mig_sm_active_ratio",
    help="Share of the instance's SMs that were busy, averaged over time.",
    labels=LABELS,
    unit="ratio",
)
MIG_SM_OCCUPANCY = Gauge(
    name="gpu_mig_sm_occupancy_ratio",
    help="Warps resident on the instance's SMs over the most there can be.",
    labels=LABELS,
    unit="ratio",
)
MIG_PIPE_ACTIVE = Gauge(
    name="gpu_mig_pipe_active_ratio",
    help="Share of time in which the instance's SMs worked in this pipe.",
    labels=(*LABELS, "pipe"),
    unit="ratio",
)
MIG_DRAM_ACTIVE = Gauge(
    name="gpu_mig_dram_bandwidth_ratio",
    help="Memory bandwidth used by the instance over the highest it has.",
    labels=LABELS,
    unit="ratio",
)

SIGNALS = (
    MIG_ENABLED, MIG_INFO, MIG_MEMORY_USED, MIG_MEMORY_TOTAL, MIG_GRAPHICS_ACTIVE, MIG_SM_ACTIVE,
    MIG_SM_OCCUPANCY, MIG_PIPE_ACTIVE, MIG_DRAM_ACTIVE,
)  # fmt: skip
