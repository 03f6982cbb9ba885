"""Ray Serve's names: whatever it serves, it says how much waits and how long it took.

Traps: times are in milliseconds; the agent refreshes gauges by an interval, so those of one scrape
disagree; the HTTP series are absent until the first request.
"""

from __future__ import annotations

from exporters.catalog import neutral
from exporters.catalog.engines.alias import Alias, Engine
from exporters.catalog.signal import Counter, Gauge, Histogram

DEPLOYMENT = ("application", "deployment")
HTTP = ("application", "method", "route", "status_code")
BUCKETS = (
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 300.0, 400.0, 500.0, 1000.0, 2000.0, 5000.0,
    10000.0, 60000.0, 120000.0, 300000.0, 600000.0,
)  # fmt: skip
MILLISECONDS = 0.001

ONGOING = Gauge(
    name="ray_serve_replica_processing_queries",
    help="Requests that replicas work on.",
    labels=DEPLOYMENT,
    unit="requests",
)
QUEUED = Gauge(
    name="ray_serve_deployment_queued_queries",
    help="Requests that wait for a replica.",
    labels=DEPLOYMENT,
    unit="requests",
)
FINISHED = Counter(
    name="ray_serve_num_http_requests",
    help="Finished HTTP requests by status.",
    labels=HTTP,
    unit="requests",
)
DURATION = Histogram(
    name="ray_serve_http_request_latency_ms",
    help="Time of the whole request, in milliseconds.",
    labels=HTTP,
    buckets=BUCKETS,
)
QUEUE_TIME = Histogram(
    name="ray_serve_request_router_fulfillment_time_ms",
    help="Time until a replica was found, in milliseconds.",
    labels=DEPLOYMENT,
    buckets=BUCKETS,
)

RAY_SERVE = Engine(
    name="ray_serve",
    read_from="Ray 2.60.0, its own /metrics",
    recorded="Ray Serve 2.60.0",
    aliases={
        neutral.QUEUE_DEPTH: (Alias(series=QUEUED.value),),
        neutral.QUEUE_WAIT_P99: (Alias(series=QUEUE_TIME.bucket, factor=MILLISECONDS, late=True),),
        neutral.RUNNING: (Alias(series=ONGOING.value),),
        neutral.REPLICA_FINISHED_RATE: (Alias(series=FINISHED.total, late=True),),
        neutral.REPLICA_REFUSED_RATE: (
            Alias(series=FINISHED.total.matching(status_code="429|503"), late=True),
        ),
        neutral.REPLICA_DURATION_P99: (
            Alias(series=DURATION.bucket, factor=MILLISECONDS, late=True),
        ),
    },
    signals=(ONGOING, QUEUED, FINISHED, DURATION, QUEUE_TIME),
)
