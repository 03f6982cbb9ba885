"""LiteLLM proxy's names, at /metrics/ with the slash.

Traps: nearly nothing is there before the first event; the scrape itself is one request in flight;
its labels carry users, keys and addresses, which the rules sum away.
"""

from __future__ import annotations

from exporters.catalog import neutral
from exporters.catalog.engines.alias import Alias, Engine
from exporters.catalog.signal import Counter, Gauge, Histogram

LABELS = ("requested_model", "api_provider")
"""The two of its many labels that a query may name."""

BUCKETS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
    420.0, 600.0,
)  # fmt: skip

TOKEN_BUCKETS = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
"""The one histogram that is left at the bounds of prometheus_client."""

IN_FLIGHT = Gauge(
    name="litellm_in_flight_requests",
    help="Requests in flight, the scrape among them.",
    unit="requests",
)
FINISHED = Counter(
    name="litellm_proxy_total_requests_metric",
    help="Finished requests by status.",
    labels=(*LABELS, "route", "status_code"),
    unit="requests",
)
INPUT_TOKENS = Counter(
    name="litellm_input_tokens_metric", help="Prompt tokens.", labels=LABELS, unit="tokens"
)
OUTPUT_TOKENS = Counter(
    name="litellm_output_tokens_metric", help="Generated tokens.", labels=LABELS, unit="tokens"
)
DURATION = Histogram(
    name="litellm_request_total_latency_metric",
    help="Time of the whole request.",
    labels=LABELS,
    unit="seconds",
    buckets=BUCKETS,
)
FIRST_TOKEN = Histogram(
    name="litellm_llm_api_time_to_first_token_metric",
    help="Time to the first token of a streamed answer.",
    labels=LABELS,
    unit="seconds",
    buckets=BUCKETS,
)
QUEUE_TIME = Histogram(
    name="litellm_request_queue_time_seconds",
    help="Time in the proxy's own queue.",
    labels=LABELS,
    unit="seconds",
    buckets=BUCKETS,
)
TOKEN_TIME = Histogram(
    name="litellm_deployment_latency_per_output_token",
    help="Time per generated token of one request.",
    labels=("litellm_model_name", "api_provider"),
    unit="seconds",
    buckets=TOKEN_BUCKETS,
)

LITELLM = Engine(
    name="litellm",
    read_from="LiteLLM 1.109.1, litellm/integrations/prometheus.py",
    recorded="LiteLLM 1.106.2",
    aliases={
        neutral.RUNNING: (Alias(series=IN_FLIGHT.value),),
        neutral.QUEUE_WAIT_P99: (Alias(series=QUEUE_TIME.bucket, late=True),),
        neutral.PROMPT_TOKEN_RATE: (Alias(series=INPUT_TOKENS.total, late=True),),
        neutral.GENERATED_TOKEN_RATE: (Alias(series=OUTPUT_TOKENS.total, late=True),),
        neutral.REPLICA_FINISHED_RATE: (Alias(series=FINISHED.total, late=True),),
        neutral.REPLICA_REFUSED_RATE: (
            Alias(series=FINISHED.total.matching(status_code="429|503"), late=True),
        ),
        neutral.REPLICA_DURATION_P99: (Alias(series=DURATION.bucket, late=True),),
        neutral.REPLICA_FIRST_TOKEN_P99: (Alias(series=FIRST_TOKEN.bucket, late=True),),
        neutral.REPLICA_INTER_TOKEN_MEAN: (
            Alias(series=TOKEN_TIME.sum, per=TOKEN_TIME.count, late=True),
        ),
    },
    signals=(
        IN_FLIGHT, FINISHED, INPUT_TOKENS, OUTPUT_TOKENS, DURATION, FIRST_TOKEN, QUEUE_TIME,
        TOKEN_TIME,
    ),
)  # fmt: skip
