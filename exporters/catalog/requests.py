"""Signals of the request exporter: what every request went through, seen from the server."""

from __future__ import annotations

from exporters.catalog.buckets import REQUEST_SECONDS, TOKEN_SECONDS, TOKENS
from exporters.catalog.signal import Counter, Gauge, Histogram

OUTCOMES = ("ok", "rejected", "error", "failed_midstream", "client_gone", "timeout")
PRIORITIES = ("vip", "normal", "batch", "_other")
REASONS = ("rate_limit", "quota", "queue_full", "no_replica", "kv_cache", "_other")
PHASES = ("queue", "prefill", "decode", "upstream", "network")
GRPC_STATUSES = {
    "OK": 200, "CANCELLED": 499, "UNKNOWN": 500, "INVALID_ARGUMENT": 400, "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404, "ALREADY_EXISTS": 409, "PERMISSION_DENIED": 403, "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400, "ABORTED": 409, "OUT_OF_RANGE": 400, "UNIMPLEMENTED": 501,
    "INTERNAL": 500, "UNAVAILABLE": 503, "DATA_LOSS": 500, "UNAUTHENTICATED": 401,
}  # fmt: skip
"""What HTTP says in the place of each gRPC code (google/rpc/code.proto)."""

SERVER_ERRORS = "|".join(
    ("5..", *(code for code, status in GRPC_STATUSES.items() if status >= 500))
)
"""The `status` labels that blame the server, in HTTP's words and in gRPC's."""

FAILED = "rejected|error|failed_midstream|timeout"
"""Outcomes that a user feels as failure; a client that hung up is none of them."""

SERVED = "ok"
"""The outcome whose duration is a latency: a refusal or an error is no fast answer."""

REQUESTS_STARTED = Counter(
    name="llm_requests_started",
    help="Requests whose headers arrived.",
    labels=("model",),
    unit="requests",
)
REQUESTS = Counter(
    name="llm_requests",
    help="Finished requests by outcome and exact HTTP status.",
    labels=("model", "outcome", "status"),
    unit="requests",
)
REQUESTS_REJECTED = Counter(
    name="llm_requests_rejected",
    help="Requests this service refused with 429 or 503, by reason.",
    labels=("model", "reason"),
    unit="requests",
)
REQUESTS_RESENT = Counter(
    name="llm_requests_resent",
    help="Arrivals that say of themselves that they are a retry (x-stainless-retry-count above 0).",
    labels=("model",),
    unit="requests",
)
REQUESTS_IN_FLIGHT = Gauge(
    name="llm_requests_in_flight",
    help="Requests between their headers and their last byte.",
    labels=("model",),
    unit="requests",
)
REQUEST_DURATION = Histogram(
    name="llm_request_duration_seconds",
    help="Time from the request's headers to the last byte sent.",
    labels=("model", "priority"),
    unit="seconds",
    buckets=REQUEST_SECONDS,
)
REQUEST_DURATION_BY_OUTCOME = Histogram(
    name="llm_request_duration_by_outcome_seconds",
    help="The same time apart by outcome: quick refusals leave the latency of what was served be.",
    labels=("model", "priority", "outcome"),
    unit="seconds",
    buckets=REQUEST_SECONDS,
)
ROUTE_DURATION = Histogram(
    name="llm_route_duration_seconds",
    help="The same time by the route's template or gRPC method; _other: no route matched.",
    labels=("route", "outcome", "status"),
    unit="seconds",
    buckets=REQUEST_SECONDS,
)
COLD_START = Gauge(
    name="llm_cold_start_seconds",
    help="Duration of the first request that this process answered well.",
    labels=("model",),
    unit="seconds",
)
TIME_TO_FIRST_TOKEN = Histogram(
    name="llm_time_to_first_token_seconds",
    help="Time from the request's headers to the first streamed body byte.",
    labels=("model", "priority"),
    unit="seconds",
    buckets=REQUEST_SECONDS,
)
INTER_TOKEN_LATENCY = Histogram(
    name="llm_inter_token_latency_seconds",
    help="Time between two streamed chunks of one response.",
    labels=("model",),
    unit="seconds",
    buckets=TOKEN_SECONDS,
)
QUEUE_DEPTH = Gauge(
    name="llm_queue_depth",
    help="Requests admitted and waiting for a slot.",
    labels=("model", "priority"),
    unit="requests",
)
QUEUE_WAIT = Histogram(
    name="llm_queue_wait_seconds",
    help="Time an admitted request waited for a slot.",
    labels=("model", "priority"),
    unit="seconds",
    buckets=REQUEST_SECONDS,
)
PROMPT_TOKENS = Counter(
    name="llm_prompt_tokens", help="Prompt tokens taken in.", labels=("model",), unit="tokens"
)
GENERATED_TOKENS = Counter(
    name="llm_generated_tokens",
    help="Tokens sent out, as told by the app, the answer's usage, or else its counted events.",
    labels=("model",),
    unit="tokens",
)
CACHED_TOKENS = Counter(
    name="llm_cached_tokens",
    help="Prompt tokens whose KV cache was reused; they are part of the prompt tokens.",
    labels=("model",),
    unit="tokens",
)
PROMPT_LENGTH = Histogram(
    name="llm_prompt_length_tokens",
    help="Prompt tokens of one request.",
    labels=("model",),
    unit="tokens",
    buckets=TOKENS,
)
ATTEMPTS = Counter(
    name="llm_attempts",
    help="Calls from the gateway to a replica, retries included, by outcome.",
    labels=("replica", "outcome"),
    unit="requests",
)
ATTEMPT_DURATION = Histogram(
    name="llm_attempt_duration_seconds",
    help="Time of one call from the gateway to a replica, to its last byte.",
    labels=("replica",),
    unit="seconds",
    buckets=REQUEST_SECONDS,
)
REPLICA_EJECTED = Gauge(
    name="llm_replica_ejected",
    help="1 while outlier ejection keeps a replica out of rotation.",
    labels=("replica",),
    unit="boolean",
)
FALLBACKS = Counter(
    name="llm_fallbacks",
    help="Requests answered by the fallback model.",
    labels=("model",),
    unit="requests",
)
UPSTREAM_DURATION = Histogram(
    name="llm_upstream_duration_seconds",
    help="Time of one call to a service that requests depend on.",
    labels=("upstream", "outcome"),
    unit="seconds",
    buckets=REQUEST_SECONDS,
)
SYNTHETIC_REQUESTS = Counter(
    name="llm_synthetic_requests",
    help="Finished requests that said no user sent them; they are in no other llm_requests series.",
    labels=("model", "outcome", "status"),
    unit="requests",
)
SYNTHETIC_DURATION = Histogram(
    name="llm_synthetic_request_duration_seconds",
    help="Time from a synthetic request's headers to the last byte sent.",
    labels=("model",),
    unit="seconds",
    buckets=REQUEST_SECONDS,
)

SIGNALS = (
    REQUESTS_STARTED, REQUESTS, REQUESTS_REJECTED, REQUESTS_RESENT, REQUESTS_IN_FLIGHT,
    REQUEST_DURATION, REQUEST_DURATION_BY_OUTCOME, ROUTE_DURATION, COLD_START,
    TIME_TO_FIRST_TOKEN, INTER_TOKEN_LATENCY, QUEUE_DEPTH, QUEUE_WAIT,
    PROMPT_TOKENS, CACHED_TOKENS, GENERATED_TOKENS, PROMPT_LENGTH, ATTEMPTS, ATTEMPT_DURATION,
    REPLICA_EJECTED, FALLBACKS, UPSTREAM_DURATION, SYNTHETIC_REQUESTS, SYNTHETIC_DURATION,
)  # fmt: skip
