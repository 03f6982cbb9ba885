"""Recorded series that dashboards, alerts and analysis read, whatever engine runs underneath.

`level:metric:operation`, as Prometheus advises. Rates and quantiles look back over the short
window of the rules (five minutes unless the config scales time).
"""

from __future__ import annotations

from exporters.catalog import (
    levels,
    neutral_gpu,
    neutral_hardware,
    neutral_levels,
    neutral_outside,
    neutral_parts,
    neutral_slo,
    neutral_stack,
)
from exporters.catalog.signal import Recorded

# The service, as its users meet it at the front door.
STARTED_RATE = Recorded(
    name="llm:requests_started:rate",
    help="Arrivals.",
    labels=("service", "model"),
    unit="requests/second",
)
OUTCOME_RATE = Recorded(
    name="llm:requests:rate",
    help="Finished requests by outcome.",
    labels=("service", "model", "outcome"),
    unit="requests/second",
)
ERROR_SHARE = Recorded(
    name="llm:requests_5xx:ratio",
    help="Share of finished requests answered with a status of 500 or above.",
    labels=("service",),
    unit="ratio",
)
REJECTED_RATE = Recorded(
    name="llm:requests_rejected:rate",
    help="Refused requests by reason.",
    labels=("service", "reason"),
    unit="requests/second",
)
RESENT_SHARE = Recorded(
    name="llm:requests_resent:ratio",
    help="Share of arrivals that are retries.",
    labels=("service",),
    unit="ratio",
)
DURATION_P99 = Recorded(
    name="llm:request_duration_seconds:p99",
    help="99th percentile of the whole request, of those answered well.",
    labels=("service", "model"),
    unit="seconds",
)
DURATION_P50 = Recorded(
    name="llm:request_duration_seconds:p50",
    help="Median of the whole request, of those answered well.",
    labels=("service", "model"),
    unit="seconds",
)
FIRST_TOKEN_P99 = Recorded(
    name="llm:time_to_first_token_seconds:p99",
    help="99th percentile of the time to the first token.",
    labels=("service", "model"),
    unit="seconds",
)
INTER_TOKEN_P99 = Recorded(
    name="llm:inter_token_latency_seconds:p99",
    help="99th percentile of the gap between tokens.",
    labels=("service", "model"),
    unit="seconds",
)
PROMPT_LENGTH_MEAN = Recorded(
    name="llm:prompt_length_tokens:mean",
    help="Mean prompt length of arrivals.",
    labels=("service",),
    unit="tokens",
)
LONG_PROMPT_SHARE = Recorded(
    name="llm:prompts_long:ratio",
    help="Share of prompts over 2,048 tokens.",
    labels=("service",),
    unit="ratio",
)
FALLBACK_RATE = Recorded(
    name="llm:fallbacks:rate",
    help="Requests answered by the fallback model.",
    labels=("service",),
    unit="requests/second",
)

# The service's parts: `replica` is empty for the gateway itself.
QUEUE_DEPTH = Recorded(
    name="llm:queue_depth",
    help="Requests waiting.",
    labels=("service", "replica"),
    unit="requests",
)
QUEUE_WAIT_P99 = Recorded(
    name="llm:queue_wait_seconds:p99",
    help="99th percentile of the wait for a slot.",
    labels=("service", "replica"),
    unit="seconds",
)
RUNNING = Recorded(
    name="llm:requests_running",
    help="Sequences in the batch.",
    labels=("service", "replica"),
    unit="requests",
)
KV_CACHE_USAGE = Recorded(
    name="llm:kv_cache_usage:ratio",
    help="Share of the KV cache in use.",
    labels=("service", "replica"),
    unit="ratio",
)
PREEMPTION_RATE = Recorded(
    name="llm:preemptions:rate",
    help="Sequences preempted.",
    labels=("service", "replica"),
    unit="events/second",
)
PROMPT_TOKEN_RATE = Recorded(
    name="llm:prompt_tokens:rate",
    help="Prompt tokens taken in.",
    labels=("service", "replica"),
    unit="tokens/second",
)
GENERATED_TOKEN_RATE = Recorded(
    name="llm:generated_tokens:rate",
    help="Tokens generated.",
    labels=("service", "replica"),
    unit="tokens/second",
)
CACHED_TOKEN_RATE = Recorded(
    name="llm:cached_tokens:rate",
    help="Prompt tokens found in the KV cache.",
    labels=("service", "replica"),
    unit="tokens/second",
)
REPLICA_FINISHED_RATE = Recorded(
    name="llm:replica_requests:rate",
    help="Requests that a replica's engine finished.",
    labels=("service", "replica"),
    unit="requests/second",
)
REPLICA_REFUSED_RATE = Recorded(
    name="llm:replica_rejections:rate",
    help="Requests that a replica's engine refused as busy.",
    labels=("service", "replica"),
    unit="requests/second",
)
REPLICA_DURATION_P99 = Recorded(
    name="llm:replica_request_duration_seconds:p99",
    help="99th percentile of the whole request, as the replica's engine saw it.",
    labels=("service", "replica"),
    unit="seconds",
)
REPLICA_FIRST_TOKEN_P99 = Recorded(
    name="llm:replica_time_to_first_token_seconds:p99",
    help="99th percentile of the time to the first token, as the replica's engine saw it.",
    labels=("service", "replica"),
    unit="seconds",
)
REPLICA_INTER_TOKEN_MEAN = Recorded(
    name="llm:replica_inter_token_seconds:mean",
    help="Mean gap between tokens, as the replica's engine saw it.",
    labels=("service", "replica"),
    unit="seconds",
)
PHASE_MEAN = Recorded(
    name="llm:phase_seconds:mean",
    help="Mean time of one request in one phase of the engine.",
    labels=("service", "replica", "phase"),
    unit="seconds",
)
STEP_MEAN = Recorded(
    name="llm:step_seconds:mean",
    help="Mean time of one forward pass.",
    labels=("service", "replica", "phase"),
    unit="seconds",
)
ATTEMPT_RATE = Recorded(
    name="llm:attempts:rate",
    help="Calls to one replica by outcome.",
    labels=("service", "replica", "outcome"),
    unit="requests/second",
)
ATTEMPT_MEAN = Recorded(
    name="llm:attempt_duration_seconds:mean",
    help="Mean time of one call to a replica.",
    labels=("service", "replica"),
    unit="seconds",
)
EJECTED = Recorded(
    name="llm:replica_ejected",
    help="1 while a replica is out of rotation.",
    labels=("service", "replica"),
    unit="boolean",
)
REPLICA_MEMORY = Recorded(
    name="llm:replica_memory_bytes",
    help="Resident memory of a replica's process.",
    labels=("service", "replica"),
    unit="bytes",
)
REPLICA_MEMORY_LIMIT = Recorded(
    name="llm:replica_memory_limit_bytes",
    help="Memory a replica may use: its cgroup's limit, or all that its host has.",
    labels=("service", "replica"),
    unit="bytes",
)
REPLICA_THROTTLED = Recorded(
    name="llm:replica_cpu_throttled:ratio",
    help="Share of CPU quota periods in which the replica was held back; absent without a quota.",
    labels=("service", "replica"),
    unit="ratio",
)
REPLICA_OOM_KILLS = Recorded(
    name="llm:replica_oom_kills:increase",
    help="Processes of the replica that were killed for memory, over the short window.",
    labels=("service", "replica"),
)
UPSTREAM_MEAN = Recorded(
    name="llm:upstream_duration_seconds:mean",
    help="Mean time of a call to an upstream service.",
    labels=("service", "upstream"),
    unit="seconds",
)
UPSTREAM_ERROR_SHARE = Recorded(
    name="llm:upstream_errors:ratio",
    help="Share of calls to an upstream service that failed.",
    labels=("service", "upstream"),
    unit="ratio",
)

CACHE_HIT_SHARE = Recorded(
    name="llm:cache_hits:ratio",
    help="Share of look-ups that a cache could answer.",
    labels=("service", "tier"),
    unit="ratio",
)
CACHE_ERROR_SHARE = Recorded(
    name="llm:cache_errors:ratio",
    help="Share of look-ups that failed.",
    labels=("service", "tier"),
    unit="ratio",
)

# The devices under them.
GPU_UP = Recorded(
    name="gpu:up", help="1 while the device answers.", labels=("instance", "gpu"), unit="boolean"
)
GPU_UTILIZATION = Recorded(
    name="gpu:utilization:ratio",
    help="Share of time in which a kernel ran.",
    labels=("instance", "gpu"),
    unit="ratio",
)
GPU_MEMORY = Recorded(
    name="gpu:memory_used:ratio",
    help="Share of device memory in use.",
    labels=("instance", "gpu"),
    unit="ratio",
)
GPU_POWER = Recorded(
    name="gpu:power_watts", help="Power drawn.", labels=("instance", "gpu"), unit="watts"
)
GPU_TEMPERATURE = Recorded(
    name="gpu:temperature_celsius",
    help="Core temperature.",
    labels=("instance", "gpu"),
    unit="celsius",
)
GPU_CLOCK = Recorded(
    name="gpu:sm_clock:ratio",
    help="SM clock over its highest.",
    labels=("instance", "gpu"),
    unit="ratio",
)
GPU_THROTTLE = Recorded(
    name="gpu:throttle_active",
    help="1 while a harmful reason (power, thermal, hardware) holds the clocks down.",
    labels=("instance", "gpu", "reason"),
    unit="boolean",
)
GPU_XID_RATE = Recorded(
    name="gpu:xid_errors:increase",
    help="XID errors over the short window.",
    labels=("instance", "gpu", "xid"),
)
KERNEL_SLOWDOWN = Recorded(
    name="gpu:kernel_slowdown:ratio",
    help="Probe kernels against their own baseline; 1 is normal.",
    labels=("instance", "device", "kernel"),
    unit="ratio",
)

# The host under those.
NODE_CPU = Recorded(
    name="node:cpu_usage:ratio", help="CPU in use.", labels=("instance",), unit="ratio"
)
NODE_MEMORY = Recorded(
    name="node:memory_usage:ratio", help="Memory in use.", labels=("instance",), unit="ratio"
)
NODE_IO = Recorded(
    name="node:io_waiting:ratio",
    help="Share of time in which some task waited for storage.",
    labels=("instance",),
    unit="ratio",
)

# Service levels, and the stack's own blind spots.
SLO_ERRORS = {
    window: Recorded(
        name=f"llm:slo_errors:ratio_rate{window}",
        help=f"Share of requests that missed the objective over {window}.",
        labels=("service", "slo"),
        unit="ratio",
    )
    for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
}
SLO_FAILURES = {
    window: Recorded(
        name=f"llm:slo_failures:increase{window}",
        help=f"Number of requests that missed the objective over {window}.",
        labels=("service", "slo"),
        unit="requests",
    )
    for window in ("1h", "6h", "1d", "3d")
}
SIGNAL_MISSING = Recorded(
    name="busysignal:signal_missing",
    help="1 for every neutral signal that has no series although its targets answer.",
    labels=("signal",),
    unit="boolean",
)
ENGINE = Recorded(
    name="llm:replica_engine",
    help="1 for the engine whose names a replica shows.",
    labels=("service", "replica", "engine"),
    unit="boolean",
)
ENGINE_SIGNAL_MISSING = Recorded(
    name="busysignal:engine_signal_missing",
    help="1 for every signal that a known engine should show and does not: it was renamed.",
    labels=("service", "replica", "engine", "signal"),
    unit="boolean",
)
TARGET_UP = Recorded(
    name="busysignal:target_up",
    help="1 when the last scrape of the target worked.",
    labels=("job", "instance", "service", "replica"),
    unit="boolean",
)

SIGNALS = (
    STARTED_RATE, OUTCOME_RATE, ERROR_SHARE, REJECTED_RATE, RESENT_SHARE, DURATION_P99,
    DURATION_P50, FIRST_TOKEN_P99, INTER_TOKEN_P99, PROMPT_LENGTH_MEAN, LONG_PROMPT_SHARE,
    FALLBACK_RATE, QUEUE_DEPTH, QUEUE_WAIT_P99, RUNNING, KV_CACHE_USAGE, PREEMPTION_RATE,
    PROMPT_TOKEN_RATE, GENERATED_TOKEN_RATE, CACHED_TOKEN_RATE, REPLICA_FINISHED_RATE,
    REPLICA_REFUSED_RATE, REPLICA_DURATION_P99, REPLICA_FIRST_TOKEN_P99, REPLICA_INTER_TOKEN_MEAN,
    PHASE_MEAN, STEP_MEAN, ATTEMPT_RATE, ATTEMPT_MEAN,
    EJECTED, REPLICA_MEMORY, REPLICA_MEMORY_LIMIT, REPLICA_THROTTLED,
    REPLICA_OOM_KILLS, UPSTREAM_MEAN,
    UPSTREAM_ERROR_SHARE, CACHE_HIT_SHARE, CACHE_ERROR_SHARE, GPU_UP,
    GPU_UTILIZATION, GPU_MEMORY, GPU_POWER, GPU_TEMPERATURE, GPU_CLOCK, GPU_THROTTLE,
    GPU_XID_RATE, KERNEL_SLOWDOWN, *neutral_gpu.SIGNALS, *neutral_hardware.SIGNALS,
    *neutral_outside.SIGNALS, *neutral_parts.SIGNALS, *neutral_stack.SIGNALS,
    *neutral_levels.SIGNALS, *neutral_slo.SIGNALS, *levels.RECORDED,
    NODE_CPU, NODE_MEMORY, NODE_IO,
    *SLO_ERRORS.values(), *SLO_FAILURES.values(), SIGNAL_MISSING,
    ENGINE, ENGINE_SIGNAL_MISSING, TARGET_UP,
)  # fmt: skip
