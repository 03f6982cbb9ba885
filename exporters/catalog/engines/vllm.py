"""vLLM's names, with those that older versions used.

Traps: `kv_cache_usage_perc` is 0 to 1 in spite of its name; `request_success` counts aborts and
errors too, and a client that hangs up leaves no mark in it; the prefix cache counts tokens.
"""

from __future__ import annotations

from exporters.catalog import neutral
from exporters.catalog.engines.alias import Alias, Engine
from exporters.catalog.signal import Counter, Gauge, Histogram

LABELS = ("model_name", "engine")
REQUEST_BUCKETS = (
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0,
    240.0, 480.0, 960.0, 1920.0, 7680.0,
)  # fmt: skip
FIRST_TOKEN_BUCKETS = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
)  # fmt: skip
TOKEN_BUCKETS = (
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0,
    40.0, 80.0,
)  # fmt: skip

RUNNING = Gauge(
    name="vllm:num_requests_running",
    help="Requests in the running batch.",
    labels=LABELS,
    unit="requests",
)
WAITING = Gauge(
    name="vllm:num_requests_waiting", help="Requests waiting.", labels=LABELS, unit="requests"
)
WAITING_BY_REASON = Gauge(
    name="vllm:num_requests_waiting_by_reason",
    help="Requests waiting, by reason (capacity, deferred).",
    labels=(*LABELS, "reason"),
    unit="requests",
)
KV_CACHE = Gauge(
    name="vllm:kv_cache_usage_perc",
    help="Share of KV-cache blocks in use, 0 to 1.",
    labels=LABELS,
    unit="ratio",
)
KV_CACHE_OLD = Gauge(
    name="vllm:gpu_cache_usage_perc",
    help="The same before it was renamed.",
    labels=LABELS,
    unit="ratio",
)
PREEMPTIONS = Counter(
    name="vllm:num_preemptions", help="Preempted requests.", labels=LABELS, unit="requests"
)
PROMPT_TOKENS = Counter(
    name="vllm:prompt_tokens",
    help="Prefilled tokens, cached ones included.",
    labels=LABELS,
    unit="tokens",
)
GENERATION_TOKENS = Counter(
    name="vllm:generation_tokens", help="Generated tokens.", labels=LABELS, unit="tokens"
)
CACHED_TOKENS = Counter(
    name="vllm:prefix_cache_hits",
    help="Prompt tokens found in the prefix cache.",
    labels=LABELS,
    unit="tokens",
)
CACHED_TOKENS_OLD = Counter(
    name="vllm:gpu_prefix_cache_hits",
    help="The same before it was renamed.",
    labels=LABELS,
    unit="tokens",
)
FINISHED = Counter(
    name="vllm:request_success",
    help="Finished requests by reason, aborts and errors included.",
    labels=(*LABELS, "finished_reason"),
    unit="requests",
)
REFUSED = Counter(
    name="vllm:admission_rejections",
    help="Requests answered 503 because the queue was full, by reason.",
    labels=("model_name", "reason"),
    unit="requests",
)
QUEUE_TIME = Histogram(
    name="vllm:request_queue_time_seconds",
    help="Time until a request was first scheduled.",
    labels=LABELS,
    unit="seconds",
    buckets=REQUEST_BUCKETS,
)
PREFILL_TIME = Histogram(
    name="vllm:request_prefill_time_seconds",
    help="Time a request spent in prefill.",
    labels=LABELS,
    unit="seconds",
    buckets=REQUEST_BUCKETS,
)
DECODE_TIME = Histogram(
    name="vllm:request_decode_time_seconds",
    help="Time a request spent in decode.",
    labels=LABELS,
    unit="seconds",
    buckets=REQUEST_BUCKETS,
)
DURATION = Histogram(
    name="vllm:e2e_request_latency_seconds",
    help="Time of the whole request.",
    labels=LABELS,
    unit="seconds",
    buckets=REQUEST_BUCKETS,
)
FIRST_TOKEN = Histogram(
    name="vllm:time_to_first_token_seconds",
    help="Time to the first token.",
    labels=LABELS,
    unit="seconds",
    buckets=FIRST_TOKEN_BUCKETS,
)
INTER_TOKEN = Histogram(
    name="vllm:inter_token_latency_seconds",
    help="Gap between two tokens.",
    labels=LABELS,
    unit="seconds",
    buckets=TOKEN_BUCKETS,
)
INTER_TOKEN_OLD = Histogram(
    name="vllm:time_per_output_token_seconds",
    help="The same before it was renamed.",
    labels=LABELS,
    unit="seconds",
    buckets=TOKEN_BUCKETS,
)

VLLM = Engine(
    name="vllm",
    read_from="vLLM 0.33, vllm/v1/metrics/loggers.py",
    recorded="vLLM 0.32.0",
    aliases={
        neutral.QUEUE_DEPTH: (Alias(series=WAITING.value),),
        neutral.QUEUE_WAIT_P99: (Alias(series=QUEUE_TIME.bucket),),
        neutral.RUNNING: (Alias(series=RUNNING.value),),
        neutral.KV_CACHE_USAGE: (Alias(series=KV_CACHE.value), Alias(series=KV_CACHE_OLD.value)),
        neutral.PREEMPTION_RATE: (Alias(series=PREEMPTIONS.total),),
        neutral.PROMPT_TOKEN_RATE: (Alias(series=PROMPT_TOKENS.total),),
        neutral.GENERATED_TOKEN_RATE: (Alias(series=GENERATION_TOKENS.total),),
        neutral.CACHED_TOKEN_RATE: (
            Alias(series=CACHED_TOKENS.total),
            Alias(series=CACHED_TOKENS_OLD.total),
        ),
        neutral.REPLICA_FINISHED_RATE: (Alias(series=FINISHED.total),),
        # Newer than most versions in use, so its absence says nothing.
        neutral.REPLICA_REFUSED_RATE: (Alias(series=REFUSED.total, late=True),),
        neutral.REPLICA_DURATION_P99: (Alias(series=DURATION.bucket),),
        neutral.REPLICA_FIRST_TOKEN_P99: (Alias(series=FIRST_TOKEN.bucket),),
        neutral.REPLICA_INTER_TOKEN_MEAN: (
            Alias(series=INTER_TOKEN.sum, per=INTER_TOKEN.count),
            Alias(series=INTER_TOKEN_OLD.sum, per=INTER_TOKEN_OLD.count),
        ),
    },
    signals=(
        RUNNING, WAITING, KV_CACHE, KV_CACHE_OLD, PREEMPTIONS, PROMPT_TOKENS, GENERATION_TOKENS,
        CACHED_TOKENS, CACHED_TOKENS_OLD, FINISHED, REFUSED, QUEUE_TIME, PREFILL_TIME, DECODE_TIME,
        WAITING_BY_REASON, DURATION, FIRST_TOKEN, INTER_TOKEN, INTER_TOKEN_OLD,
    ),
)  # fmt: skip
