"""Signals of the client side: what a caller went through, over all attempts of one request."""

from __future__ import annotations

from exporters.catalog.buckets import REQUEST_SECONDS
from exporters.catalog.signal import Counter, Gauge, Histogram

OUTCOMES = ("ok", "rejected", "error", "failed_midstream", "client_gone", "timeout")
"""Of a request and of an attempt, in the words of the server's side; `error` includes a network
that failed."""

RETRY_REASONS = ("status_429", "status_502", "status_503", "status_504", "connect", "timeout",
                 "reset", "_other")  # fmt: skip
GIVE_UPS = ("attempts", "deadline", "budget", "retry_after", "circuit_open", "not_repeatable")
"""Why no further attempt followed a failure that might have passed: all used up, no time left, too
many retries of late, asked to rest too long, target known to be down, a body or method that must
not be sent twice."""
CIRCUIT_STATES = ("closed", "half_open", "open")
WAITS = ("backoff", "retry_after")

CLIENT_REQUESTS = Counter(
    name="client_requests",
    help="Requests as the caller felt them, after all attempts and fallbacks.",
    labels=("target", "outcome"),
    unit="requests",
)
CLIENT_REQUEST_DURATION = Histogram(
    name="client_request_duration_seconds",
    help="Time from the caller's request to the last byte, over all attempts and waits.",
    labels=("target", "outcome"),
    unit="seconds",
    buckets=REQUEST_SECONDS,
)
CLIENT_TIME_TO_FIRST_BYTE = Histogram(
    name="client_time_to_first_byte_seconds",
    help="Time from the caller's request to the answer's first byte, over all attempts.",
    labels=("target",),
    unit="seconds",
    buckets=REQUEST_SECONDS,
)
CLIENT_IN_FLIGHT = Gauge(
    name="client_requests_in_flight",
    help="Requests whose answer's last byte has not come.",
    labels=("target",),
    unit="requests",
)
CLIENT_ATTEMPTS = Counter(
    name="client_attempts",
    help="Attempts by outcome and HTTP status (none: no answer).",
    labels=("target", "outcome", "status"),
    unit="requests",
)
CLIENT_ATTEMPT_DURATION = Histogram(
    name="client_attempt_duration_seconds",
    help="Time of one attempt, to its last byte.",
    labels=("target",),
    unit="seconds",
    buckets=REQUEST_SECONDS,
)
CLIENT_RETRIES = Counter(
    name="client_retries",
    help="Retries by what made them needed.",
    labels=("target", "reason"),
    unit="requests",
)
CLIENT_WAIT = Counter(
    name="client_retry_wait_seconds",
    help="Time spent waiting before retries: own backoff, or asked for by Retry-After.",
    labels=("target", "source"),
    unit="seconds",
)
CLIENT_GIVE_UPS = Counter(
    name="client_give_ups",
    help="Requests whose failure might have passed but was not retried, by why.",
    labels=("target", "reason"),
    unit="requests",
)
CLIENT_CIRCUIT_STATE = Gauge(
    name="client_circuit_state",
    help="1 for the state that the target's circuit breaker is in.",
    labels=("target", "state"),
    unit="boolean",
)
CLIENT_CIRCUIT_OPENED = Counter(
    name="client_circuit_opened",
    help="Times the target's circuit breaker opened.",
    labels=("target",),
)
CLIENT_CIRCUIT_REFUSALS = Counter(
    name="client_circuit_refusals",
    help="Attempts not made because the circuit breaker was open.",
    labels=("target",),
    unit="requests",
)
CLIENT_FALLBACKS = Counter(
    name="client_fallbacks",
    help="Requests sent on to another target, by how they ended there.",
    labels=("target", "fallback", "outcome"),
    unit="requests",
)

SIGNALS = (
    CLIENT_REQUESTS, CLIENT_REQUEST_DURATION, CLIENT_TIME_TO_FIRST_BYTE, CLIENT_IN_FLIGHT,
    CLIENT_ATTEMPTS, CLIENT_ATTEMPT_DURATION, CLIENT_RETRIES, CLIENT_WAIT, CLIENT_GIVE_UPS,
    CLIENT_CIRCUIT_STATE, CLIENT_CIRCUIT_OPENED, CLIENT_CIRCUIT_REFUSALS, CLIENT_FALLBACKS,
)  # fmt: skip
