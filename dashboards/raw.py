"""The series that dashboards read before any rule recorded them, each with its reason."""

from __future__ import annotations

from exporters.catalog import (
    Signal,
    foreign,
    gpu,
    gpu_mig,
    gpu_processes,
    probe,
    requests,
)

RAW: dict[Signal, str] = {
    requests.REQUEST_DURATION: "a heatmap and its exemplars need the buckets themselves",
    requests.TIME_TO_FIRST_TOKEN: "the same",
    requests.INTER_TOKEN_LATENCY: "the same",
    requests.QUEUE_WAIT: "the same",
    foreign.ALERTS: "Prometheus's own series for what fires",
    foreign.PROCESS_START: "the only witness of a restart, and the same for every engine",
    gpu.GPU_POWER_LIMIT: "a setting that is drawn as a line beside the power",
    gpu.GPU_ENERGY: "the range on screen decides the window, so no rule can record it",
    gpu_processes.CONTAINER_MEMORY: "as many series as containers, and no alert reads them",
    gpu_processes.CONTAINER_SM: "the same",
    gpu_processes.GPU_PROCESSES: "the same",
    gpu_mig.MIG_MEMORY_USED: "as many series as instances, and no alert reads them",
    gpu_mig.MIG_MEMORY_TOTAL: "the same",
    gpu_mig.MIG_SM_ACTIVE: "the same",
    gpu_mig.MIG_DRAM_ACTIVE: "the same",
    probe.PROBE_P50: "the device's own figures, shown beside the recorded slowdown",
    probe.PROBE_P99: "the same",
    probe.PROBE_FLOPS: "the same",
    probe.PROBE_BYTES: "the same",
    probe.PROBE_CONTENTION: "the same",
    probe.PROBE_CLOCK: "the same",
    probe.PROBE_MEMORY: "the same",
}
"""Everything else that a panel reads is a neutral recorded series (exporters.catalog.neutral), or
the stack's own (`busysignal_*`), which no rule needs to translate."""
