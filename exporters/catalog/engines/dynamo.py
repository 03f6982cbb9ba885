"""NVIDIA Dynamo's names, as its frontend writes them; its workers show their engine's own.

Trap: a request counts as queued until its first token, so the queue is never 0 under load.
"""

from __future__ import annotations

from exporters.catalog import neutral
from exporters.catalog.buckets import REQUEST_SECONDS, TOKEN_SECONDS, TOKENS
from exporters.catalog.engines.alias import Alias, Engine
from exporters.catalog.signal import Counter, Gauge, Histogram

MODEL = ("model",)
# Dynamo's bounds are set by its environment; ours stand in, no bound of it is ever selected.
ACTIVE = Gauge(
    name="dynamo_frontend_active_requests",
    help="Requests being served.",
    labels=MODEL,
    unit="requests",
)
ACTIVE_OLD = Gauge(
    name="dynamo_frontend_inflight_requests",
    help="The same before it was renamed.",
    labels=MODEL,
    unit="requests",
)
QUEUED = Gauge(
    name="dynamo_frontend_queued_requests",
    help="Requests that wait for their first token.",
    labels=MODEL,
    unit="requests",
)
FINISHED = Counter(
    name="dynamo_frontend_requests",
    help="Finished requests by status and kind of error.",
    labels=(*MODEL, "endpoint", "request_type", "status", "error_type"),
    unit="requests",
)
REFUSED = Counter(
    name="dynamo_frontend_model_rejection",
    help="Requests refused because every worker was busy.",
    labels=(*MODEL, "endpoint"),
    unit="requests",
)
OUTPUT_TOKENS = Counter(
    name="dynamo_frontend_output_tokens", help="Generated tokens.", labels=MODEL, unit="tokens"
)
INPUT_LENGTH = Histogram(
    name="dynamo_frontend_input_sequence_tokens",
    help="Prompt tokens of one request.",
    labels=MODEL,
    unit="tokens",
    buckets=TOKENS,
)
DURATION = Histogram(
    name="dynamo_frontend_request_duration_seconds",
    help="Time of the whole request.",
    labels=MODEL,
    unit="seconds",
    buckets=REQUEST_SECONDS,
)
FIRST_TOKEN = Histogram(
    name="dynamo_frontend_time_to_first_token_seconds",
    help="Time to the first token.",
    labels=MODEL,
    unit="seconds",
    buckets=REQUEST_SECONDS,
)
INTER_TOKEN = Histogram(
    name="dynamo_frontend_inter_token_latency_seconds",
    help="Gap between two tokens.",
    labels=MODEL,
    unit="seconds",
    buckets=TOKEN_SECONDS,
)

DYNAMO = Engine(
    name="dynamo",
    read_from="ai-dynamo 1.6.1, dynamo/prometheus_names.py",
    recorded=None,
    aliases={
        neutral.QUEUE_DEPTH: (Alias(series=QUEUED.value, late=True),),
        neutral.RUNNING: (
            Alias(series=ACTIVE.value, late=True),
            Alias(series=ACTIVE_OLD.value, late=True),
        ),
        neutral.PROMPT_TOKEN_RATE: (Alias(series=INPUT_LENGTH.sum, late=True),),
        neutral.GENERATED_TOKEN_RATE: (Alias(series=OUTPUT_TOKENS.total, late=True),),
        neutral.REPLICA_FINISHED_RATE: (Alias(series=FINISHED.total, late=True),),
        neutral.REPLICA_REFUSED_RATE: (Alias(series=REFUSED.total, late=True),),
        neutral.REPLICA_DURATION_P99: (Alias(series=DURATION.bucket, late=True),),
        neutral.REPLICA_FIRST_TOKEN_P99: (Alias(series=FIRST_TOKEN.bucket, late=True),),
        neutral.REPLICA_INTER_TOKEN_MEAN: (
            Alias(series=INTER_TOKEN.sum, per=INTER_TOKEN.count, late=True),
        ),
    },
    signals=(
        ACTIVE, ACTIVE_OLD, QUEUED, FINISHED, REFUSED, OUTPUT_TOKENS, INPUT_LENGTH, DURATION,
        FIRST_TOKEN, INTER_TOKEN,
    ),
)  # fmt: skip
