"""The series that dashboards read before any rule recorded them, each with its reason."""

from __future__ import annotations

from exporters.catalog import Signal, foreign, gpu, probe, requests, stack

RAW: dict[Signal, str] = {
    requests.REQUEST_DURATION: "a heatmap and its exemplars need the buckets themselves",
    foreign.ALERTS: "Prometheus's own series for what fires",
    foreign.PROCESS_START: "the only witness of a restart, and the same for every engine",
    stack.VERDICT_INFO: "the stack's own series",
    gpu.GPU_POWER_LIMIT: "a setting that is drawn as a line beside the power",
    gpu.GPU_ENERGY: "the range on screen decides the window, so no rule can record it",
    probe.PROBE_P50: "the device's own figures, shown beside the recorded slowdown",
    probe.PROBE_P99: "the same",
    probe.PROBE_FLOPS: "the same",
    probe.PROBE_BYTES: "the same",
}
"""Everything else that a panel reads is a neutral recorded series (exporters.catalog.neutral)."""
