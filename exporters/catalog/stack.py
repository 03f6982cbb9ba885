"""Signals of BusySignal itself: `busysignal_*`, so that the watcher can be watched."""

from __future__ import annotations

from exporters.catalog.signal import Counter, Gauge, Histogram

VERDICT_INFO = Gauge(
    name="busysignal_verdict_info",
    help="Always 1 while an incident is open: the cause at rank 1.",
    labels=("incident", "cause", "entity"),
)
VERDICTS = Counter(
    name="busysignal_verdicts",
    help="Verdicts given, by result (named, abstained, none).",
    labels=("result",),
)
VERDICT_DURATION = Histogram(
    name="busysignal_verdict_duration_seconds",
    help="Time from an alert's arrival to its verdict.",
    unit="seconds",
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0),
)
VERDICT_BACKLOG = Gauge(
    name="busysignal_verdict_backlog", help="Alert groups waiting for a verdict.", unit="1"
)
ALERTS_RECEIVED = Counter(
    name="busysignal_alerts_received",
    help="Alert groups received, by what became of them (new, duplicate, resolved, refused).",
    labels=("result",),
)
PAGES = Counter(
    name="busysignal_pages",
    help="Enriched pages sent on, by result (sent, failed).",
    labels=("result",),
)
DELIVERIES = Counter(
    name="busysignal_deliveries",
    help="Messages to receivers (pager, grafana and others), by result (sent, failed).",
    labels=("receiver", "result"),
)
VERDICT_REFRESHES = Counter(
    name="busysignal_verdict_refreshes",
    help="Further looks at incidents that last, by result (same, new, told, failed).",
    labels=("result",),
)
INCIDENTS_OPEN = Gauge(
    name="busysignal_incidents_open", help="Incidents that are not over yet.", unit="1"
)
INCIDENTS_EXPIRED = Counter(
    name="busysignal_incidents_expired",
    help="Incidents that nobody resolved, closed because nobody spoke of them any more.",
)
TELEMETRY_WRITTEN = Counter(
    name="busysignal_telemetry_written",
    help="Spans and logs that the store acknowledged.",
    labels=("kind",),
)
TELEMETRY_DROPPED = Counter(
    name="busysignal_telemetry_dropped",
    help="Spans and logs lost, by reason (queue_full, spool_full, poison).",
    labels=("kind", "reason"),
)
TELEMETRY_SPOOLED = Gauge(
    name="busysignal_telemetry_spooled_bytes",
    help="Bytes on disk that wait for the store to come back.",
    unit="bytes",
)
TELEMETRY_SAMPLED_OUT = Counter(
    name="busysignal_telemetry_sampled_out",
    help="Spans that tail sampling left out; those it kept in their stead carry the weight.",
)
METRICS_ERRORS = Counter(
    name="busysignal_metrics_errors",
    help="Errors inside measuring code that were kept from the request.",
)

WORKERS = Gauge(
    name="busysignal_workers", help="Worker processes of the service that live.", unit="1"
)
WORKERS_ENDED = Counter(
    name="busysignal_workers_ended",
    help="Worker processes that ended, in whatever way; what they counted still counts.",
)

SIGNALS = (
    VERDICT_INFO, VERDICTS, VERDICT_DURATION, VERDICT_BACKLOG, ALERTS_RECEIVED, PAGES,
    DELIVERIES, VERDICT_REFRESHES, INCIDENTS_OPEN, INCIDENTS_EXPIRED,
    TELEMETRY_WRITTEN, TELEMETRY_DROPPED, TELEMETRY_SPOOLED, TELEMETRY_SAMPLED_OUT,
    METRICS_ERRORS, WORKERS, WORKERS_ENDED,
)  # fmt: skip
