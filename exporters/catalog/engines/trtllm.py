"""trtllm-serve's names (TensorRT-LLM), at /prometheus/metrics."""

from __future__ import annotations

from exporters.catalog import neutral
from exporters.catalog.engines.alias import Alias, Engine
from exporters.catalog.engines.vllm import FIRST_TOKEN_BUCKETS, REQUEST_BUCKETS, TOKEN_BUCKETS
from exporters.catalog.signal import Counter, Gauge, Histogram

LABELS = ("model_name", "engine_type")

RUNNING = Gauge(
    name="trtllm_num_requests_running",
    help="Requests in the running batch.",
    labels=LABELS,
    unit="requests",
)
WAITING = Gauge(
    name="trtllm_num_requests_waiting", help="Requests waiting.", labels=LABELS, unit="requests"
)
KV_CACHE = Gauge(
    name="trtllm_kv_cache_utilization",
    help="Share of KV-cache blocks in use, 0 to 1.",
    labels=LABELS,
    unit="ratio",
)
PROMPT_TOKENS = Counter(
    name="trtllm_prompt_tokens", help="Prefilled tokens.", labels=LABELS, unit="tokens"
)
GENERATION_TOKENS = Counter(
    name="trtllm_generation_tokens", help="Generated tokens.", labels=LABELS, unit="tokens"
)
FINISHED = Counter(
    name="trtllm_request_success",
    help="Finished requests by reason.",
    labels=(*LABELS, "finished_reason"),
    unit="requests",
)
QUEUE_TIME = Histogram(
    name="trtllm_request_queue_time_seconds",
    help="Time in the queue.",
    labels=LABELS,
    unit="seconds",
    buckets=REQUEST_BUCKETS,
)
DURATION = Histogram(
    name="trtllm_e2e_request_latency_seconds",
    help="Time of the whole request.",
    labels=LABELS,
    unit="seconds",
    buckets=REQUEST_BUCKETS,
)
FIRST_TOKEN = Histogram(
    name="trtllm_time_to_first_token_seconds",
    help="Time to the first token.",
    labels=LABELS,
    unit="seconds",
    buckets=FIRST_TOKEN_BUCKETS,
)
INTER_TOKEN = Histogram(
    name="trtllm_time_per_output_token_seconds",
    help="Mean gap between the tokens of one request.",
    labels=LABELS,
    unit="seconds",
    buckets=TOKEN_BUCKETS,
)

TRTLLM = Engine(
    name="trtllm",
    read_from="Gateway API Inference Extension, model server protocol; TensorRT-LLM's own docs",
    recorded=None,
    aliases={
        neutral.QUEUE_DEPTH: (Alias(series=WAITING.value),),
        neutral.QUEUE_WAIT_P99: (Alias(series=QUEUE_TIME.bucket, late=True),),
        neutral.RUNNING: (Alias(series=RUNNING.value),),
        neutral.KV_CACHE_USAGE: (Alias(series=KV_CACHE.value),),
        neutral.PROMPT_TOKEN_RATE: (Alias(series=PROMPT_TOKENS.total, late=True),),
        neutral.GENERATED_TOKEN_RATE: (Alias(series=GENERATION_TOKENS.total, late=True),),
        neutral.REPLICA_FINISHED_RATE: (Alias(series=FINISHED.total, late=True),),
        neutral.REPLICA_DURATION_P99: (Alias(series=DURATION.bucket, late=True),),
        neutral.REPLICA_FIRST_TOKEN_P99: (Alias(series=FIRST_TOKEN.bucket, late=True),),
        neutral.REPLICA_INTER_TOKEN_MEAN: (
            Alias(series=INTER_TOKEN.sum, per=INTER_TOKEN.count, late=True),
        ),
    },
    signals=(
        RUNNING, WAITING, KV_CACHE, PROMPT_TOKENS, GENERATION_TOKENS, FINISHED, QUEUE_TIME,
        DURATION, FIRST_TOKEN, INTER_TOKEN,
    ),
)  # fmt: skip
