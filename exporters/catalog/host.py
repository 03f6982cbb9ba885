"""Signals of the host's side of one serving process: the process and the cgroup it lives in."""

from __future__ import annotations

from exporters.catalog.buckets import TOKEN_SECONDS
from exporters.catalog.signal import Counter, Gauge, Histogram

RESOURCES = ("cpu", "memory", "io")
"""What a task can wait for (kernel, Documentation/accounting/psi.rst)."""

# As the process collector of every Prometheus client names them.
PROCESS_CPU = Counter(
    name="process_cpu_seconds", help="CPU time of the process, user and system.", unit="seconds"
)
PROCESS_RESIDENT = Gauge(
    name="process_resident_memory_bytes", help="Resident memory of the process.", unit="bytes"
)

CPU_USAGE = Counter(
    name="cgroup_cpu_usage_seconds", help="CPU time of the process's cgroup.", unit="seconds"
)
CPU_THROTTLED = Counter(
    name="cgroup_cpu_throttled_seconds",
    help="Time the cgroup was held back by its CPU quota.",
    unit="seconds",
)
CPU_PERIODS = Counter(
    name="cgroup_cpu_periods",
    help="Enforcement periods of the CPU quota in which the cgroup ran.",
)
CPU_THROTTLED_PERIODS = Counter(
    name="cgroup_cpu_throttled_periods",
    help="Enforcement periods in which the cgroup used up its CPU quota.",
)
CPU_QUOTA = Gauge(
    name="cgroup_cpu_quota_cores", help="CPUs' worth of time the cgroup may use; absent: no quota."
)
MEMORY_USED = Gauge(
    name="cgroup_memory_used_bytes",
    help="Memory charged to the cgroup, page cache included.",
    unit="bytes",
)
MEMORY_LIMIT = Gauge(
    name="cgroup_memory_limit_bytes",
    help="Memory the cgroup may be charged; absent: no limit.",
    unit="bytes",
)
OOM_KILLS = Counter(
    name="cgroup_oom_kills", help="Processes of the cgroup that the OOM killer ended."
)
PRESSURE = Counter(
    name="cgroup_pressure_waiting_seconds",
    help="Time in which some task of the cgroup waited for the resource.",
    labels=("resource",),
    unit="seconds",
)

LOOP_LAG = Histogram(
    name="event_loop_lag_seconds",
    help="How much later than it was due the event loop ran a timer.",
    unit="seconds",
    buckets=TOKEN_SECONDS,
)

# What torch's caching allocator tells of one device (torch.cuda.memory_stats).
TORCH_RESERVED = Gauge(
    name="torch_memory_reserved_bytes",
    help="Device memory that torch took from the driver.",
    labels=("gpu",),
    unit="bytes",
)
TORCH_ALLOCATED = Gauge(
    name="torch_memory_allocated_bytes",
    help="Device memory that tensors hold, of what torch took.",
    labels=("gpu",),
    unit="bytes",
)
TORCH_SPLIT = Gauge(
    name="torch_memory_inactive_split_bytes",
    help="Free pieces of blocks in use elsewhere: memory lost to fragmentation for now.",
    labels=("gpu",),
    unit="bytes",
)
TORCH_RETRIES = Counter(
    name="torch_memory_alloc_retries",
    help="Allocations that worked only after torch gave its cache back to the driver.",
    labels=("gpu",),
)
TORCH_OOMS = Counter(
    name="torch_memory_ooms", help="Allocations that failed for want of memory.", labels=("gpu",)
)

SIGNALS = (
    PROCESS_CPU, PROCESS_RESIDENT, CPU_USAGE, CPU_THROTTLED, CPU_PERIODS, CPU_THROTTLED_PERIODS,
    CPU_QUOTA, MEMORY_USED, MEMORY_LIMIT, OOM_KILLS, PRESSURE, LOOP_LAG, TORCH_RESERVED,
    TORCH_ALLOCATED, TORCH_SPLIT, TORCH_RETRIES, TORCH_OOMS,
)  # fmt: skip
