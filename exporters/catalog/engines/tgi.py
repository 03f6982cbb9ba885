"""Text Generation Inference's names: no model label, no first token, counters without `_total`."""

from __future__ import annotations

from exporters.catalog import neutral
from exporters.catalog.engines.alias import Alias, Engine
from exporters.catalog.signal import Counter, Gauge, Histogram

DURATION_BUCKETS = tuple(0.0001 * 1.5**step for step in range(1, 36))
LENGTH_BUCKETS = (100.0,)
"""TGI spreads a hundred bounds up to its longest input; only sums of lengths are read here."""

RUNNING = Gauge(name="tgi_batch_current_size", help="Requests in the batch.", unit="requests")
WAITING = Gauge(name="tgi_queue_size", help="Requests waiting.", unit="requests")
FINISHED = Counter(
    name="tgi_request_success", help="Successful requests.", unit="requests", suffix=""
)
FAILED = Counter(
    name="tgi_request_failure",
    help="Failed requests by reason; `overloaded` was answered 429.",
    labels=("err",),
    unit="requests",
    suffix="",
)
QUEUE_TIME = Histogram(
    name="tgi_request_queue_duration",
    help="Time in the queue.",
    unit="seconds",
    buckets=DURATION_BUCKETS,
)
DURATION = Histogram(
    name="tgi_request_duration",
    help="Time of the whole request.",
    unit="seconds",
    buckets=DURATION_BUCKETS,
)
INTER_TOKEN = Histogram(
    name="tgi_request_mean_time_per_token_duration",
    help="Mean gap between the tokens of one request.",
    unit="seconds",
    buckets=DURATION_BUCKETS,
)
INPUT_LENGTH = Histogram(
    name="tgi_request_input_length",
    help="Prompt tokens of one request.",
    unit="tokens",
    buckets=LENGTH_BUCKETS,
)
GENERATED = Histogram(
    name="tgi_request_generated_tokens",
    help="Generated tokens of one request.",
    unit="tokens",
    buckets=LENGTH_BUCKETS,
)

TGI = Engine(
    name="tgi",
    read_from="text-generation-inference of 2026-01-08, router/src/server.rs",
    recorded=None,
    aliases={
        neutral.QUEUE_DEPTH: (Alias(series=WAITING.value),),
        neutral.QUEUE_WAIT_P99: (Alias(series=QUEUE_TIME.bucket, late=True),),
        neutral.RUNNING: (Alias(series=RUNNING.value),),
        neutral.PROMPT_TOKEN_RATE: (Alias(series=INPUT_LENGTH.sum, late=True),),
        neutral.GENERATED_TOKEN_RATE: (Alias(series=GENERATED.sum, late=True),),
        neutral.REPLICA_FINISHED_RATE: (
            Alias(series=FINISHED.total, plus=(FAILED.total,), late=True),
        ),
        neutral.REPLICA_REFUSED_RATE: (
            Alias(series=FAILED.total.where(err="overloaded"), late=True),
        ),
        neutral.REPLICA_DURATION_P99: (Alias(series=DURATION.bucket, late=True),),
        neutral.REPLICA_INTER_TOKEN_MEAN: (
            Alias(series=INTER_TOKEN.sum, per=INTER_TOKEN.count, late=True),
        ),
    },
    signals=(
        RUNNING, WAITING, FINISHED, FAILED, QUEUE_TIME, DURATION, INTER_TOKEN, INPUT_LENGTH,
        GENERATED,
    ),
)  # fmt: skip
