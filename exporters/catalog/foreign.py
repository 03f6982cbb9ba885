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

NODE_DISK_FREE = Gauge(
    name="node_filesystem_avail_bytes",
    help="Space on a file system that users may take.",
    labels=("device", "fstype", "mountpoint"),
    unit="bytes",
)

NODE_PRESSURE_CPU = Counter(
    name="node_pressure_cpu_waiting_seconds",
    help="Time in which some task waited for a CPU.",
    unit="seconds",
)
NODE_PRESSURE_MEMORY = Counter(
    name="node_pressure_memory_waiting_seconds",
    help="Time in which some task waited for memory.",
    unit="seconds",
)
NODE_PRESSURE_IO = Counter(
    name="node_pressure_io_waiting_seconds",
    help="Time in which some task waited for storage.",
    unit="seconds",
)
NODE_OOM_KILLS = Gauge(
    name="node_vmstat_oom_kill", help="Processes that the OOM killer ended (untyped there)."
)

# cAdvisor (docs/storage/prometheus.md), with the labels that the kubelet puts on it
CONTAINER = ("namespace", "pod", "container")
CONTAINER_CPU = Counter(
    name="container_cpu_usage_seconds",
    help="CPU time of the container.",
    labels=CONTAINER,
    unit="seconds",
)
CONTAINER_PERIODS = Counter(
    name="container_cpu_cfs_periods",
    help="Enforcement periods of the CPU quota.",
    labels=CONTAINER,
)
CONTAINER_THROTTLED = Counter(
    name="container_cpu_cfs_throttled_periods",
    help="Enforcement periods in which the container was held back.",
    labels=CONTAINER,
)
CONTAINER_MEMORY = Gauge(
    name="container_memory_working_set_bytes",
    help="Memory that the kernel cannot take back under pressure.",
    labels=CONTAINER,
    unit="bytes",
)
CONTAINER_OOM = Counter(
    name="container_oom_events", help="Out-of-memory events of the container.", labels=CONTAINER
)

# kafka_exporter (danielqsj): a queue in front of the service. It tells no age; the age of the
# oldest message is its lag over the rate of the group's offset.
KAFKA_LAG = Gauge(
    name="kafka_consumergroup_lag",
    help="Messages that a consumer group has yet to read.",
    labels=("consumergroup", "topic", "partition"),
)
KAFKA_GROUP_OFFSET = Gauge(
    name="kafka_consumergroup_current_offset",
    help="Where a consumer group reads.",
    labels=("consumergroup", "topic", "partition"),
)
KAFKA_TOPIC_OFFSET = Gauge(
    name="kafka_topic_partition_current_offset",
    help="Where a topic is written.",
    labels=("topic", "partition"),
)

SIGNALS = (
    UP, SCRAPE_DURATION, SCRAPE_SAMPLES, ALERTS, RULE_FAILURES, NOTIFICATIONS_DROPPED,
    PROCESS_START, NOTIFICATIONS_FAILED, NODE_CPU, NODE_MEMORY_AVAILABLE, NODE_MEMORY_TOTAL,
    NODE_LOAD, NODE_DISK_FREE,
    NODE_PRESSURE_CPU, NODE_PRESSURE_MEMORY, NODE_PRESSURE_IO, NODE_OOM_KILLS, CONTAINER_CPU,
    CONTAINER_PERIODS, CONTAINER_THROTTLED, CONTAINER_MEMORY, CONTAINER_OOM, KAFKA_LAG,
    KAFKA_GROUP_OFFSET, KAFKA_TOPIC_OFFSET,
)  # fmt: skip
