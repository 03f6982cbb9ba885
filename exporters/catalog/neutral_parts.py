"""Recorded series that take a service apart: its versions, a request's phases, who waits why."""

from __future__ import annotations

from exporters.catalog.signal import Recorded

VERSION = Recorded(
    name="llm:replica_version",
    help="1 for the version that a replica says it runs.",
    labels=("service", "replica", "version"),
    unit="boolean",
)
REQUEST_PHASE = Recorded(
    name="llm:request_phase_seconds:mean",
    help="Mean time of one request in one phase, over all replicas; gateway: waiting at the door.",
    labels=("service", "phase"),
    unit="seconds",
)
REQUEST_MEAN = Recorded(
    name="llm:request_duration_seconds:mean",
    help="Mean time of a request that was answered well.",
    labels=("service",),
    unit="seconds",
)
QUEUE_BY_PRIORITY = Recorded(
    name="llm:queue_depth_by_priority",
    help="Requests waiting at the gateway, by their class.",
    labels=("service", "priority"),
    unit="requests",
)
QUEUE_BY_REASON = Recorded(
    name="llm:queue_depth_by_reason",
    help="Requests waiting in an engine, by what they wait for; only vLLM tells.",
    labels=("service", "replica", "reason"),
    unit="requests",
)
SERVICE_POWER = Recorded(
    name="gpu:service_power_watts",
    help="Power that a service's GPUs draw.",
    labels=("service",),
    unit="watts",
)
SERVICE_GPUS = Recorded(
    name="gpu:service_devices",
    help="GPUs that a service holds, busy or not.",
    labels=("service",),
)
SERVICE_UTILIZATION = Recorded(
    name="gpu:service_utilization:ratio",
    help="Share of time in which a kernel ran, over a service's GPUs.",
    labels=("service",),
    unit="ratio",
)

SIGNALS = (
    VERSION, REQUEST_PHASE, REQUEST_MEAN, QUEUE_BY_PRIORITY, QUEUE_BY_REASON, SERVICE_POWER,
    SERVICE_GPUS, SERVICE_UTILIZATION,
)  # fmt: skip
