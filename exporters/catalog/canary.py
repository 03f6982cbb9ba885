"""Signals of the endpoint probe: what an answer really takes, asked for as a user would ask."""

from __future__ import annotations

from exporters.catalog.buckets import REQUEST_SECONDS, TOKEN_SECONDS
from exporters.catalog.signal import Counter, Gauge, Histogram

SYNTHETIC_HEADER = "x-busysignal-synthetic"
"""Marks a request that no user sent; the request exporter keeps it out of llm_requests_*."""

OUTCOMES = (
    "ok", "busy", "refused", "server_error", "redirected", "dns_error", "connect_error",
    "tls_error", "timeout_connect", "timeout_first_token", "timeout_stream", "disconnected",
    "truncated", "missing_done", "error_event", "garbled", "not_streamed", "too_long", "empty",
    "no_finish_reason", "wrong_model", "wrong_usage", "wrong_content", "probe_error",
)  # fmt: skip
"""How one attempt ended: whatever is not ok says what was wrong, and where."""

PHASES = ("resolve", "connect", "tls", "headers", "first_token", "stream")
"""In order: `headers` ends with the response's headers, `first_token` starts there."""

SKIPS = ("retry_after", "still_running")

PHASE_SECONDS = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0,
    10.0, 20.0, 40.0, 80.0,
)  # fmt: skip
"""Half a millisecond (a connection in the same rack) to a first token that is hardly bearable."""

TARGET = ("endpoint", "model")

CANARY_INFO = Gauge(
    name="canary_info",
    help="Always 1; where the canary asks.",
    labels=("endpoint", "model", "url"),
)
CANARY_UP = Gauge(
    name="canary_up",
    help="1 if the last probe's first attempt got a whole and right answer; no retry mends it.",
    labels=TARGET,
    unit="boolean",
)
CANARY_REQUESTS = Counter(
    name="canary_requests",
    help="Attempts by outcome, retries included.",
    labels=(*TARGET, "outcome"),
    unit="requests",
)
CANARY_RETRIES = Counter(
    name="canary_retries",
    help="Those of the attempts that were retries, by outcome.",
    labels=(*TARGET, "outcome"),
    unit="requests",
)
CANARY_BUSY = Counter(
    name="canary_busy",
    help="Attempts that were told 429, 503 or an overload, by the reason in the answer's body.",
    labels=(*TARGET, "reason"),
    unit="requests",
)
CANARY_SKIPPED = Counter(
    name="canary_skipped",
    help="Probes not sent, by why (retry_after: the endpoint asked for rest).",
    labels=(*TARGET, "reason"),
    unit="requests",
)
CANARY_PHASE_DURATION = Histogram(
    name="canary_phase_duration_seconds",
    help="Time of one phase of an attempt that got through it.",
    labels=(*TARGET, "phase"),
    unit="seconds",
    buckets=PHASE_SECONDS,
)
CANARY_DURATION = Histogram(
    name="canary_duration_seconds",
    help="Time of one attempt from resolving the name to the end, failed ones too.",
    labels=TARGET,
    unit="seconds",
    buckets=REQUEST_SECONDS,
)
CANARY_TIME_TO_FIRST_TOKEN = Histogram(
    name="canary_time_to_first_token_seconds",
    help="Time from sending the request on an open connection to the first token, not first byte.",
    labels=TARGET,
    unit="seconds",
    buckets=REQUEST_SECONDS,
)
CANARY_INTER_TOKEN = Histogram(
    name="canary_inter_token_seconds",
    help="Time between two streamed events that carry tokens.",
    labels=TARGET,
    unit="seconds",
    buckets=TOKEN_SECONDS,
)
CANARY_TOKENS = Counter(
    name="canary_tokens",
    help="Generated tokens received, by the answer's usage or, without it, by its events.",
    labels=TARGET,
    unit="tokens",
)
CANARY_LAST_OUTCOME = Gauge(
    name="canary_last_outcome",
    help="Always 1; how the last attempt ended.",
    labels=(*TARGET, "outcome"),
)
CANARY_LAST_STATUS = Gauge(
    name="canary_last_status",
    help="HTTP status of the last attempt; no series when none was received.",
    labels=TARGET,
)
CANARY_LAST_TIME = Gauge(
    name="canary_last_attempt_timestamp_seconds",
    help="When the last attempt ended.",
    labels=TARGET,
    unit="seconds",
)
CANARY_RETRY_AFTER = Gauge(
    name="canary_retry_after_seconds",
    help="Rest that the last attempt was asked for; no series when for none.",
    labels=TARGET,
    unit="seconds",
)
CANARY_CERTIFICATE_EXPIRY = Gauge(
    name="canary_certificate_expiry_timestamp_seconds",
    help="When the endpoint's TLS certificate ends.",
    labels=TARGET,
    unit="seconds",
)

SIGNALS = (
    CANARY_INFO, CANARY_UP, CANARY_REQUESTS, CANARY_RETRIES, CANARY_BUSY, CANARY_SKIPPED,
    CANARY_PHASE_DURATION, CANARY_DURATION, CANARY_TIME_TO_FIRST_TOKEN, CANARY_INTER_TOKEN,
    CANARY_TOKENS, CANARY_LAST_OUTCOME, CANARY_LAST_STATUS, CANARY_LAST_TIME, CANARY_RETRY_AFTER,
    CANARY_CERTIFICATE_EXPIRY,
)  # fmt: skip
