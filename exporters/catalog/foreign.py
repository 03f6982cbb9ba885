"""Series we read but do not own: Prometheus itself, Alertmanager, node_exporter, vLLM."""

from __future__ import annotations

from exporters.catalog.signal import Counter, Gauge, Histogram

# Prometheus 2.42: made by the server for every target and every alert.
UP = Gauge(name="up", help="1 when the last scrape of the target worked.", unit="boolean")
SCRAPE_DURATION = Gauge(
    name="scrape_duration_seconds", help="Time the last scrape took.", unit="seconds"
)
SCRAPE_SAMPLES = Gauge(
    name="scrape_samples_scraped", help="Samples that the last scrape brought.", unit="1"
)
ALERTS = Gauge(
    name="ALERTS",
    help="1 for every alert that is pending or firing.",
    labels=("alertname", "alertstate", "severity"),
)
RULE_FAILURES = Counter(
    name="prometheus_rule_evaluation_failures",
    help="Rule evaluations that failed.",
    labels=("rule_group",),
)
NOTIFICATIONS_DROPPED = Counter(
    name="prometheus_notifications_dropped",
    help="Alerts that no Alertmanager took.",
)
PROCESS_START = Gauge(
    name="process_start_time_seconds", help="Start time of the process.", unit="timestamp"
)

# Alertmanager 0.25
NOTIFICATIONS_FAILED = Counter(
    name="alertmanager_notifications_failed",
    help="Notifications that could not be delivered.",
    labels=("integration",),
)

# node_exporter 1.5
NODE_CPU = Counter(
    name="node_cpu_seconds",
    help="CPU time by mode.",
    labels=("cpu", "mode"),
    unit="seconds",
)
NODE_MEMORY_AVAILABLE = Gauge(
    name="node_memory_MemAvailable_bytes", help="Memory that can be had.", unit="bytes"
)
NODE_MEMORY_TOTAL = Gauge(name="node_memory_MemTotal_bytes", help="Memory there is.", unit="bytes")
NODE_LOAD = Gauge(name="node_load1", help="Load average over one minute.")

# vLLM 0.33 (vllm/v1/metrics/loggers.py); fixture: real vLLM 0.32 in the recorded engine metrics
VLLM_RUNNING = Gauge(
    name="vllm:num_requests_running",
    help="Requests in the running batch.",
    labels=("model_name", "engine"),
    unit="requests",
)
VLLM_WAITING = Gauge(
    name="vllm:num_requests_waiting",
    help="Requests waiting.",
    labels=("model_name", "engine"),
    unit="requests",
)
VLLM_KV_CACHE = Gauge(
    name="vllm:kv_cache_usage_perc",
    help="Share of KV-cache blocks in use, 0 to 1.",
    labels=("model_name", "engine"),
    unit="ratio",
)
VLLM_PREEMPTIONS = Counter(
    name="vllm:num_preemptions",
    help="Preempted requests.",
    labels=("model_name", "engine"),
    unit="requests",
)
VLLM_PROMPT_TOKENS = Counter(
    name="vllm:prompt_tokens",
    help="Prefilled tokens, cached ones included.",
    labels=("model_name", "engine"),
    unit="tokens",
)
VLLM_GENERATION_TOKENS = Counter(
    name="vllm:generation_tokens",
    help="Generated tokens.",
    labels=("model_name", "engine"),
    unit="tokens",
)
VLLM_QUEUE_TIME = Histogram(
    name="vllm:request_queue_time_seconds",
    help="Time in the waiting phase.",
    labels=("model_name", "engine"),
    unit="seconds",
    buckets=(
        0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0,
        240.0, 480.0, 960.0, 1920.0, 7680.0,
    ),
)  # fmt: skip

SIGNALS = (
    UP, SCRAPE_DURATION, SCRAPE_SAMPLES, ALERTS, RULE_FAILURES, NOTIFICATIONS_DROPPED,
    PROCESS_START, NOTIFICATIONS_FAILED, NODE_CPU, NODE_MEMORY_AVAILABLE, NODE_MEMORY_TOTAL,
    NODE_LOAD,
    VLLM_RUNNING, VLLM_WAITING, VLLM_KV_CACHE, VLLM_PREEMPTIONS, VLLM_PROMPT_TOKENS,
    VLLM_GENERATION_TOKENS, VLLM_QUEUE_TIME,
)  # fmt: skip
