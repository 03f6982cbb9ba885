"""Recorded series that only alerts on a level need: part of `neutral`."""

from __future__ import annotations

from exporters.catalog.signal import Recorded

INTERACTIVE_P99 = Recorded(
    name="llm:interactive_duration_seconds:p99",
    help="99th percentile of the good answers of the interactive class.",
    labels=("service", "model"),
    unit="seconds",
)
ARRIVAL_GROWTH = Recorded(
    name="llm:requests_started:growth",
    help="Arrivals over what was usual within the last hour; 1 is as usual.",
    labels=("service",),
    unit="ratio",
)
COLD_START = Recorded(
    name="llm:cold_start:ratio",
    help="First good answer of a replica that has just started over the median of its service.",
    labels=("service", "replica"),
    unit="ratio",
)
BACKLOG_AGE = Recorded(
    name="llm:backlog_age_seconds",
    help="How long the oldest message of a queue in front of the service waits, by its own speed.",
    labels=("consumergroup", "topic"),
    unit="seconds",
)
MEMORY_FRAGMENTATION = Recorded(
    name="llm:device_memory_fragmentation:ratio",
    help="Share of what the allocator took that lies in pieces too small to give out.",
    labels=("service", "replica"),
    unit="ratio",
)
RESOURCE_USE = Recorded(
    name="node:resource_use:ratio",
    help="Share of a machine's resource in use: cpu, memory, gpu.",
    labels=("instance", "resource"),
    unit="ratio",
)
IO_WAITING_GROWTH = Recorded(
    name="node:io_waiting:growth",
    help="Waits for storage over what was usual within the last hour; 1 is as usual.",
    labels=("instance",),
    unit="ratio",
)
DISK_FREE = Recorded(
    name="node:disk_free_bytes",
    help="Space that is left on a file system.",
    labels=("instance", "mountpoint"),
    unit="bytes",
)

SIGNALS = (
    INTERACTIVE_P99, ARRIVAL_GROWTH, COLD_START, BACKLOG_AGE, MEMORY_FRAGMENTATION, RESOURCE_USE,
    IO_WAITING_GROWTH, DISK_FREE,
)  # fmt: skip
