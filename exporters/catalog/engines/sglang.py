"""SGLang's names.

Traps: with priority scheduling the series without `priority` is the total and each class another
one, so a plain sum counts twice; ranks of one scheduler repeat its value; an aborted request counts
in the first-token and end-to-end histograms; several series are absent until first used.
"""

from __future__ import annotations

from exporters.catalog import neutral
from exporters.catalog.engines.alias import Alias, Engine
from exporters.catalog.signal import Counter, Gauge, Histogram, Selector

RANKS = ("tp_rank", "pp_rank", "moe_ep_rank", "pid")
"""Copies of one scheduler; `dp_rank` is no copy, each has requests of its own."""

SCHEDULER = ("model_name", "engine_type", "priority", "dp_rank", *RANKS)
REQUEST = ("model_name", "engine_type", "priority")
FRONT = (*REQUEST, "is_streaming")
REQUEST_BUCKETS = (
    0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 200.0,
    400.0,
)  # fmt: skip
QUEUE_BUCKETS = (
    0.0, 0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 15.0, 20.0, 30.0,
    40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0,
    900.0, 1000.0, 1200.0, 1400.0, 1600.0, 1800.0, 2000.0, 2500.0, 3000.0,
)  # fmt: skip
TOKEN_BUCKETS = (
    0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.06, 0.08, 0.1, 0.2,
    0.4, 0.6, 0.8, 1.0, 2.0, 4.0, 6.0, 8.0,
)  # fmt: skip

RUNNING = Gauge(
    name="sglang:num_running_reqs",
    help="Requests in the running batch.",
    labels=SCHEDULER,
    unit="requests",
)
WAITING = Gauge(
    name="sglang:num_queue_reqs", help="Requests waiting.", labels=SCHEDULER, unit="requests"
)
KV_CACHE = Gauge(
    name="sglang:token_usage",
    help="Share of the KV cache's tokens in use, 0 to 1.",
    labels=SCHEDULER,
    unit="ratio",
)
RETRACTED = Counter(
    name="sglang:num_retracted_requests",
    help="Requests thrown out of the batch because the KV cache was full.",
    labels=SCHEDULER,
    unit="requests",
)
PROMPT_TOKENS = Counter(
    name="sglang:prompt_tokens", help="Prefilled tokens.", labels=FRONT, unit="tokens"
)
GENERATION_TOKENS = Counter(
    name="sglang:generation_tokens", help="Generated tokens.", labels=FRONT, unit="tokens"
)
CACHED_TOKENS = Counter(
    name="sglang:cached_tokens",
    help="Prompt tokens found in a cache.",
    labels=(*REQUEST, "cache_source"),
    unit="tokens",
)
FINISHED = Counter(
    name="sglang:num_requests",
    help="Finished requests, aborted ones included.",
    labels=FRONT,
    unit="requests",
)
RESPONSES = Counter(
    name="sglang:http_responses",
    help="Answers of the HTTP server, by path and status.",
    labels=("endpoint", "method", "status_code"),
    unit="requests",
)
QUEUE_TIME = Histogram(
    name="sglang:queue_time_seconds",
    help="Time in the queue.",
    labels=SCHEDULER,
    unit="seconds",
    buckets=QUEUE_BUCKETS,
)
DURATION = Histogram(
    name="sglang:e2e_request_latency_seconds",
    help="Time of the whole request.",
    labels=FRONT,
    unit="seconds",
    buckets=(*REQUEST_BUCKETS, 600.0, 1200.0, 1800.0, 2400.0),
)
FIRST_TOKEN = Histogram(
    name="sglang:time_to_first_token_seconds",
    help="Time to the first token.",
    labels=FRONT,
    unit="seconds",
    buckets=REQUEST_BUCKETS,
)
INTER_TOKEN = Histogram(
    name="sglang:inter_token_latency_seconds",
    help="Gap between two tokens.",
    labels=REQUEST,
    unit="seconds",
    buckets=TOKEN_BUCKETS,
)


def _total(series: Selector) -> Selector:
    return series.where(priority="")


SGLANG = Engine(
    name="sglang",
    read_from="SGLang 0.5.23, sglang/srt/observability/metrics_collector.py",
    recorded="SGLang 0.5.23",
    aliases={
        neutral.QUEUE_DEPTH: (Alias(series=_total(WAITING.value), copies=RANKS),),
        neutral.QUEUE_WAIT_P99: (Alias(series=_total(QUEUE_TIME.bucket), copies=RANKS),),
        neutral.RUNNING: (Alias(series=_total(RUNNING.value), copies=RANKS),),
        neutral.KV_CACHE_USAGE: (Alias(series=_total(KV_CACHE.value), copies=RANKS),),
        neutral.PREEMPTION_RATE: (
            Alias(series=_total(RETRACTED.total), copies=RANKS, late=True),
        ),
        neutral.PROMPT_TOKEN_RATE: (Alias(series=_total(PROMPT_TOKENS.total)),),
        neutral.GENERATED_TOKEN_RATE: (Alias(series=_total(GENERATION_TOKENS.total)),),
        neutral.CACHED_TOKEN_RATE: (Alias(series=_total(CACHED_TOKENS.total), late=True),),
        neutral.REPLICA_FINISHED_RATE: (Alias(series=_total(FINISHED.total)),),
        neutral.REPLICA_REFUSED_RATE: (
            Alias(series=RESPONSES.total.where(method="POST", status_code="503"), late=True),
        ),
        neutral.REPLICA_DURATION_P99: (Alias(series=_total(DURATION.bucket)),),
        neutral.REPLICA_FIRST_TOKEN_P99: (Alias(series=_total(FIRST_TOKEN.bucket)),),
        neutral.REPLICA_INTER_TOKEN_MEAN: (
            Alias(series=_total(INTER_TOKEN.sum), per=_total(INTER_TOKEN.count), late=True),
        ),
    },
    signals=(
        RUNNING, WAITING, KV_CACHE, RETRACTED, PROMPT_TOKENS, GENERATION_TOKENS, CACHED_TOKENS,
        FINISHED, RESPONSES, QUEUE_TIME, DURATION, FIRST_TOKEN, INTER_TOKEN,
    ),
)  # fmt: skip
