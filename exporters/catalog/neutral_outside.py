"""Recorded series of the service seen from outside: by the canary, and by those who call it."""

from __future__ import annotations

from exporters.catalog.signal import Recorded

ENDPOINT = ("service", "endpoint", "model")
TARGET = ("service", "target")

CANARY_UP = Recorded(
    name="canary:up",
    help="1 while the canary's first attempt gets a whole and right answer.",
    labels=ENDPOINT,
    unit="boolean",
)
CANARY_REQUESTS = Recorded(
    name="canary:requests:rate",
    help="The canary's attempts by outcome.",
    labels=(*ENDPOINT, "outcome"),
    unit="requests/second",
)
CANARY_WRONG = Recorded(
    name="canary:wrong_answers:increase",
    help="Whole answers to the canary that were not what was asked for, over the short window.",
    labels=(*ENDPOINT, "outcome"),
)
CANARY_BUSY = Recorded(
    name="canary:busy:rate",
    help="Attempts of the canary that were told to come back later, by the reason given.",
    labels=(*ENDPOINT, "reason"),
    unit="requests/second",
)
CANARY_FIRST_TOKEN = Recorded(
    name="canary:time_to_first_token_seconds:mean",
    help="Mean time from the canary's request to its first token.",
    labels=ENDPOINT,
    unit="seconds",
)
CANARY_PHASE = Recorded(
    name="canary:phase_duration_seconds:mean",
    help="Mean time of each phase of the canary's attempts.",
    labels=(*ENDPOINT, "phase"),
    unit="seconds",
)
CANARY_INTER_TOKEN = Recorded(
    name="canary:inter_token_seconds:mean",
    help="Mean time between the canary's tokens.",
    labels=ENDPOINT,
    unit="seconds",
)
CANARY_AGE = Recorded(
    name="canary:last_attempt_age_seconds",
    help="How long ago the canary's last attempt ended.",
    labels=ENDPOINT,
    unit="seconds",
)
CANARY_CERTIFICATE = Recorded(
    name="canary:certificate_left_seconds",
    help="How long the endpoint's TLS certificate is still valid.",
    labels=ENDPOINT,
    unit="seconds",
)

CLIENT_REQUESTS = Recorded(
    name="client:requests:rate",
    help="Requests as callers felt them, by outcome.",
    labels=(*TARGET, "outcome"),
    unit="requests/second",
)
CLIENT_RETRY_SHARE = Recorded(
    name="client:retries:ratio",
    help="Share of callers' attempts that were retries.",
    labels=TARGET,
    unit="ratio",
)
CLIENT_RETRIES = Recorded(
    name="client:retries:rate",
    help="Callers' retries by what made them needed.",
    labels=(*TARGET, "reason"),
    unit="requests/second",
)
CLIENT_GIVE_UP_SHARE = Recorded(
    name="client:give_ups:ratio",
    help="Share of callers' requests whose failure was not retried any more.",
    labels=TARGET,
    unit="ratio",
)
CLIENT_GIVE_UPS = Recorded(
    name="client:give_ups:rate",
    help="Requests that callers gave up, by why.",
    labels=(*TARGET, "reason"),
    unit="requests/second",
)
CLIENT_CIRCUIT = Recorded(
    name="client:circuit_open",
    help="1 while some caller's circuit breaker is not closed.",
    labels=TARGET,
    unit="boolean",
)
CLIENT_DURATION_P99 = Recorded(
    name="client:request_duration_seconds:p99",
    help="99th percentile of what callers waited for a good answer, over all attempts.",
    labels=TARGET,
    unit="seconds",
)

SIGNALS = (
    CANARY_UP, CANARY_REQUESTS, CANARY_WRONG, CANARY_BUSY, CANARY_FIRST_TOKEN, CANARY_PHASE,
    CANARY_INTER_TOKEN, CANARY_AGE, CANARY_CERTIFICATE, CLIENT_REQUESTS, CLIENT_RETRY_SHARE,
    CLIENT_RETRIES, CLIENT_GIVE_UP_SHARE, CLIENT_GIVE_UPS, CLIENT_CIRCUIT, CLIENT_DURATION_P99,
)  # fmt: skip
