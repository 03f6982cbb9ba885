from __future__ import annotations

import pytest

from tests.alerts.conftest import Fires
from tests.alerts.places import (
    GATEWAY,
    GPU,
    GPU_UP,
    MACHINES_BOARD,
    NODE,
    NODE_UP,
    WATCH,
    WATCH_UP,
    gpu_labels,
    tell,
)

ROWS = {
    "NodeMemoryHigh": (
        NODE_UP
        | {
            f"node_memory_MemTotal_bytes{{{NODE}}}": "100x200",
            f"node_memory_MemAvailable_bytes{{{NODE}}}": "50x20 10x60 50x120",
        },
        gpu_labels(),
        {
            "description": "n1:1 uses 90% of its memory; 85% is the limit.",
            "query": 'node:memory_usage:ratio{instance="n1:1"}',
            "dashboard_url": f"{MACHINES_BOARD}?var-instance=n1:1",
        },
    ),
    "NodeCpuHigh": (
        NODE_UP
        | {
            f'node_cpu_seconds_total{{{NODE},cpu="0",mode="idle"}}': (
                "0+18x20 360+1.5x60 450+18x120"
            )
        },
        gpu_labels(),
        {
            "description": "n1:1 uses 95% of its CPU; 90% is the limit.",
            "query": 'node:cpu_usage:ratio{instance="n1:1"}',
            "dashboard_url": f"{MACHINES_BOARD}?var-instance=n1:1",
        },
    ),
    "ExporterDown": (
        {
            f"up{{{GPU}}}": "1x20 0x60 1x120",
            f"scrape_samples_scraped{{{GPU}}}": "9x20 0x60 9x120",
        },
        gpu_labels(job="gpu"),
        {
            "description": "No data from gpu n1:1.",
            "query": 'busysignal:target_up{job="gpu"}',
        },
    ),
    "SignalMissing": (
        GPU_UP
        | {
            f'gpu_up{{{GPU},gpu="0"}}': "1x200",
            f'gpu_utilization_ratio{{{GPU},gpu="0"}}': "0.5x200",
            f'gpu_memory_used_bytes{{{GPU},gpu="0"}}': "1x200",
            f'gpu_memory_total_bytes{{{GPU},gpu="0"}}': "2x200",
            f'gpu_throttle_active{{{GPU},gpu="0",reason="hw_slowdown"}}': (
                "0x20 stale _x59 0x120"
            ),
        },
        {"signal": "gpu:throttled:ratio"},
        {
            "description": (
                "gpu:throttled:ratio is missing although its targets answer; "
                "the alerts that read it are blind."
            ),
            "query": 'busysignal:signal_missing{signal="gpu:throttled:ratio"}',
        },
    ),
    "RuleFailures": (
        {
            'prometheus_rule_evaluation_failures_total{job="prometheus",instance="p",'
            'rule_group="x"}': "0x20 0+1x60 60x120"
        },
        {"job": "prometheus", "instance": "p", "rule_group": "x"},
        {
            "description": "p: rule group x fails, 10 lately.",
            "query": 'prometheus_rule_evaluation_failures_total{instance="p"}',
        },
    ),
    "NotificationsFailing": (
        {
            'alertmanager_notifications_failed_total{job="alertmanager",instance="a",'
            'integration="webhook"}': "0x20 0+1x60 60x120"
        },
        {"job": "alertmanager", "instance": "a", "integration": "webhook"},
        {
            "description": "a: webhook refuses alerts, 10 lately.",
            "query": 'alertmanager_notifications_failed_total{instance="a"}',
        },
    ),
    "TelemetryDropped": (
        {
            f'busysignal_telemetry_dropped_total{{{GATEWAY},kind="spans",reason="queue_full"}}': (
                "0x20 0+1x60 60x120"
            )
        },
        {
            "job": "gateway", "instance": "g", "service": "chat", "kind": "spans",
            "reason": "queue_full",
        },
        {
            "description": "g: spans lost (queue_full), 10 lately.",
            "query": 'busysignal_telemetry_dropped_total{instance="g"}',
        },
    ),
    "VerdictBacklog": (
        WATCH_UP | {f"busysignal_verdict_backlog{{{WATCH}}}": "0x20 9x60 0x120"},
        gpu_labels(job="watch"),
        {
            "description": "9 alert groups wait at n1:1; 5 is the limit.",
            "query": 'busysignal_verdict_backlog{instance="n1:1"}',
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_a_warning_of_what_watches_is_silent_before_speaks_during_and_ends_after(story, name):
    tell(story, name, ROWS[name])


def test_the_heartbeat_always_beats(story):
    story.alerts({}, ("1m", "Watchdog", [Fires({})]), ("9m", "Watchdog", [Fires({})]))


BURSTS = {
    "RuleFailures": (
        "prometheus_rule_evaluation_failures_total",
        {"job": "prometheus", "instance": "p", "rule_group": "x"},
        "p: rule group x fails, 7 lately.",
    ),
    "NotificationsFailing": (
        "alertmanager_notifications_failed_total",
        {"job": "alertmanager", "instance": "a", "integration": "webhook"},
        "a: webhook refuses alerts, 7 lately.",
    ),
    "TelemetryDropped": (
        "busysignal_telemetry_dropped_total",
        {"job": "replica", "instance": "r", "kind": "spans", "reason": "spool_full"},
        "r: spans lost (spool_full), 7 lately.",
    ),
}


@pytest.mark.parametrize("name", BURSTS)
def test_one_burst_of_loss_is_a_warning_that_ends_without_flapping(story, name):
    counter, labels, told = BURSTS[name]
    where = ",".join(f'{label}="{value}"' for label, value in labels.items())
    warning = Fires(
        labels, {"description": told, "query": f'{counter}{{instance="{labels["instance"]}"}}'}
    )

    story.alerts(
        {f"{counter}{{{where}}}": "3x40 10x100"},
        ("10m", name, []),
        *((f"{minute}m", name, [warning]) for minute in range(11, 20)),
        ("22m", name, []),
    )


def test_a_queue_s_exporter_that_is_gone_is_told_of_and_one_that_never_was_is_not(story):
    kafka = 'job="kafka",instance="k:9308"'
    gone = Fires(
        {"job": "kafka", "instance": "k:9308"},
        {
            "description": "No data from kafka k:9308.",
            "query": 'busysignal:target_up{job="kafka"}',
        },
    )

    story.alerts({}, ("20m", "ExporterDown", []))
    story.alerts(
        {f"up{{{kafka}}}": "1x20 0x60 1x60", f"scrape_samples_scraped{{{kafka}}}": "9x140"},
        ("9m", "ExporterDown", []),
        ("30m", "ExporterDown", [gone]),
        ("60m", "ExporterDown", []),
        interval="30s",
    )
