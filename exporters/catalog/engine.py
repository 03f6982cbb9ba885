"""Signals of one model replica: its engine's batch, KV cache and phases."""

from __future__ import annotations

from exporters.catalog.buckets import TOKEN_SECONDS
from exporters.catalog.signal import Counter, Gauge, Histogram

REPLICA_INFO = Gauge(
    name="llm_replica_info",
    help="Always 1; what runs in this replica and on which GPU.",
    labels=("version", "gpu_uuid"),
)
RUNNING = Gauge(
    name="llm_requests_running",
    help="Sequences in the current batch.",
    labels=("model",),
    unit="requests",
)
KV_CACHE_USAGE = Gauge(
    name="llm_kv_cache_usage_ratio",
    help="Share of KV-cache blocks in use.",
    labels=("model",),
    unit="ratio",
)
PREEMPTIONS = Counter(
    name="llm_preemptions",
    help="Sequences thrown out of the batch because the KV cache was full.",
    labels=("model",),
    unit="requests",
)
PHASE_DURATION = Histogram(
    name="llm_phase_duration_seconds",
    help="Time one request spent in one phase of the engine (queue, prefill, decode).",
    labels=("model", "phase"),
    unit="seconds",
    buckets=TOKEN_SECONDS,
)
STEP_DURATION = Histogram(
    name="llm_step_duration_seconds",
    help="Time of one forward pass of the model, by kind (prefill, decode).",
    labels=("model", "phase"),
    unit="seconds",
    buckets=TOKEN_SECONDS,
)

SIGNALS = (REPLICA_INFO, RUNNING, KV_CACHE_USAGE, PREEMPTIONS, PHASE_DURATION, STEP_DURATION)
