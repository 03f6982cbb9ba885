"""Series we read but do not own: Prometheus itself, Alertmanager, node_exporter."""

from __future__ import annotations

from exporters.catalog.signal import Counter, Gauge

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

SIGNALS = (
    UP, SCRAPE_DURATION, SCRAPE_SAMPLES, ALERTS, RULE_FAILURES, NOTIFICATIONS_DROPPED,
    PROCESS_START, NOTIFICATIONS_FAILED, NODE_CPU, NODE_MEMORY_AVAILABLE, NODE_MEMORY_TOTAL,
    NODE_LOAD,
)  # fmt: skip
