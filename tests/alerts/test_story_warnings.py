from __future__ import annotations

import pytest

from tests.alerts.conftest import Fires

SERVICE_BOARD = "http://127.0.0.1:3000/d/busysignal-service"
GPU_BOARD = "http://127.0.0.1:3000/d/busysignal-gpu"
PROBE_BOARD = "http://127.0.0.1:3000/d/busysignal-probe"
GATEWAY = 'job="gateway",instance="g",service="chat"'
REPLICA = 'job="replica",instance="r1:8000",service="chat",replica="r1"'
OK = f'llm_requests_total{{{GATEWAY},model="m",outcome="ok",status="200"}}'
REFUSED = f'llm_requests_total{{{GATEWAY},model="m",outcome="rejected",status="429"}}'
STARTED = f'llm_requests_started_total{{{GATEWAY},model="m"}}'


def target(job, instance="n1:1"):
    labels = f'job="{job}",instance="{instance}",service="chat"'
    return labels, {f"up{{{labels}}}": "1x400", f"scrape_samples_scraped{{{labels}}}": "9x400"}


def gpu_labels(**more):
    return {"service": "chat", "instance": "n1:1", **more}


GPU, GPU_UP = target("gpu")
PROBE, PROBE_UP = target("probe")
NODE, NODE_UP = target("node")
WATCH, WATCH_UP = target("watch")
ON_GPU = {"dashboard_url": f"{GPU_BOARD}?var-instance=n1:1&var-gpu=0"}
MACHINES_BOARD = SERVICE_BOARD.replace("service", "machines")
ON_CHAT = {"dashboard_url": f"{SERVICE_BOARD}?var-service=chat"}
GPU_WHERE = '{instance="n1:1",gpu="0"}'

# Every row: what goes in (wrong from minute 10 to minute 40), who it is about, what the alert says.
ROWS = {
    "RateLimitShareHigh": (
        {
            OK: "0+10x200",
            STARTED: "0+10x200",
            f'llm_requests_rejected_total{{{GATEWAY},model="m",reason="rate_limit"}}': (
                "0x20 0+1x60 60x120"
            ),
        },
        {"service": "chat"},
        {
            "description": "10% of requests to chat are refused with 429; 5% is the limit.",
            "query": 'llm:requests_rejected:rate{reason="rate_limit",service="chat"}',
            **ON_CHAT,
        },
    ),
    "RetryShareHigh": (
        {
            OK: "0+10x200",
            STARTED: "0+10x200",
            f'llm_requests_resent_total{{{GATEWAY},model="m"}}': "0x20 0+4x60 240x120",
        },
        {"service": "chat"},
        {
            "description": "40% of arrivals at chat are retries; 20% is the limit.",
            "query": 'llm:requests_resent:ratio{service="chat"}',
            **ON_CHAT,
        },
    ),
    "UpstreamSlow": (
        {
            f'llm_upstream_duration_seconds_sum{{{GATEWAY},upstream="features",outcome="ok"}}': (
                "0+0.2x20 4+4x60 244+0.2x120"
            ),
            f'llm_upstream_duration_seconds_count{{{GATEWAY},upstream="features",outcome="ok"}}': (
                "0+10x200"
            ),
        },
        {"service": "chat", "upstream": "features"},
        {
            "description": "Calls from chat to features take 400ms on average; 0.2 s is the limit.",
            "query": (
                'llm:upstream_duration_seconds:mean{service="chat",upstream="features"}'
            ),
            **ON_CHAT,
        },
    ),
    "KVCacheFull": (
        {f'llm_kv_cache_usage_ratio{{{REPLICA},model="m"}}': "0.5x20 0.97x60 0.5x120"},
        {"service": "chat", "replica": "r1"},
        {
            "description": "97% of the KV cache of r1 of chat is in use; 95% is the limit.",
            "query": 'llm:kv_cache_usage:ratio{service="chat",replica="r1"}',
            **ON_CHAT,
        },
    ),
    "ReplicaEjected": (
        {f'llm_replica_ejected{{{GATEWAY},replica="r1"}}': "0x20 1x60 0x120"},
        {"service": "chat", "replica": "r1"},
        {
            "description": "r1 of chat takes no traffic.",
            "query": 'llm:replica_ejected{service="chat",replica="r1"}',
            **ON_CHAT,
        },
    ),
    "GpuBusy": (
        GPU_UP | {f'gpu_utilization_ratio{{{GPU},gpu="0"}}': "0.7x20 0.95x60 0.7x120"},
        gpu_labels(gpu="0"),
        {
            "description": "GPU 0 at n1:1 is busy 95% of the time; 90% is the limit.",
            "query": f"gpu:utilization:ratio{GPU_WHERE}",
            **ON_GPU,
        },
    ),
    "GpuThrottled": (
        GPU_UP
        | {
            f'gpu_throttle_active{{{GPU},gpu="0",reason="sw_power_cap"}}': "0x20 1x60 0x120",
            f'gpu_throttle_active{{{GPU},gpu="0",reason="gpu_idle"}}': "1x200",
        },
        gpu_labels(gpu="0", reason="sw_power_cap"),
        {
            "description": (
                "GPU 0 at n1:1 is held down by sw_power_cap 100% of the time; 50% is the limit."
            ),
            "query": f'gpu:throttled:ratio{{reason=~"sw_power_cap|hw_slowdown",{GPU_WHERE[1:]}',
            **ON_GPU,
        },
    ),
    "KernelSlow": (
        PROBE_UP
        | {
            f'kernel_probe_slowdown_ratio{{{PROBE},device="0",kernel="gemm_decode"}}': (
                "1x20 2.5x60 1x120"
            )
        },
        gpu_labels(device="0", kernel="gemm_decode"),
        {
            "description": (
                "gemm_decode on device 0 at n1:1 takes 2.5 times its baseline; 1.5 is the limit."
            ),
            "query": 'gpu:kernel_slowdown:ratio{instance="n1:1",device="0"}',
            "dashboard_url": f"{PROBE_BOARD}?var-instance=n1:1&var-device=0",
        },
    ),
    "GpuEccUncorrected": (
        GPU_UP
        | {
            f'gpu_ecc_errors_total{{{GPU},gpu="0",type="uncorrected",span="volatile"}}': (
                "0x20 0+1x60 60x120"
            ),
            f'gpu_ecc_errors_total{{{GPU},gpu="0",type="corrected",span="volatile"}}': "0+1x200",
        },
        gpu_labels(gpu="0"),
        {
            "description": "GPU 0 at n1:1 had 10 uncorrected ECC errors lately.",
            "query": f"gpu:ecc_uncorrected:increase{GPU_WHERE}",
            **ON_GPU,
        },
    ),
    "GpusMissing": (
        GPU_UP
        | {f"gpu_devices{{{GPU}}}": "8x20 7x60 8x120", f"gpu_devices_expected{{{GPU}}}": "8x200"},
        gpu_labels(),
        {
            "description": "The GPU exporter at n1:1 misses 1 of its GPUs.",
            "query": 'gpu:devices_missing{instance="n1:1"}',
            "dashboard_url": f"{GPU_BOARD}?var-instance=n1:1",
        },
    ),
    "GpuResetNeeded": (
        GPU_UP
        | {
            f'gpu_row_remap_pending{{{GPU},gpu="0"}}': "0x20 1x60 0x120",
            f'gpu_recovery_action{{{GPU},gpu="0",action="none"}}': "1x200",
            f'gpu_repair_pending{{{GPU},gpu="0",repair="channel"}}': "0x200",
        },
        gpu_labels(gpu="0", reason="row_remapping"),
        {
            "description": "GPU 0 at n1:1 waits for a reset: row_remapping.",
            "query": f"gpu:reset_needed{GPU_WHERE}",
            **ON_GPU,
        },
    ),
    "GpuReplacementNeeded": (
        GPU_UP | {f'gpu_row_remap_failure{{{GPU},gpu="0"}}': "0x20 1x60 0x120"},
        gpu_labels(gpu="0", reason="row_remapping"),
        {
            "description": "GPU 0 at n1:1 is to be replaced: row_remapping.",
            "query": f"gpu:replacement_needed{GPU_WHERE}",
            **ON_GPU,
        },
    ),
    "NvlinkErrors": (
        GPU_UP
        | {f'gpu_nvlink_errors_total{{{GPU},gpu="0",error="replay"}}': "0x20 0+60x60 3600x120"},
        gpu_labels(gpu="0"),
        {
            "description": "GPU 0 at n1:1 has 2 NVLink errors a second.",
            "query": f"gpu:nvlink_errors:rate{GPU_WHERE}",
            **ON_GPU,
        },
    ),
    "KernelResultsWrong": (
        PROBE_UP
        | {
            f'kernel_probe_wrong_results_total{{{PROBE},device="0",kernel="gemm_decode_1"}}': (
                "0x20 0+1x60 60x120"
            )
        },
        gpu_labels(device="0", kernel="gemm_decode_1"),
        {
            "description": (
                "gemm_decode_1 on device 0 at n1:1 gave a result that is not the known one."
            ),
            "query": 'gpu:kernel_wrong_results:increase{instance="n1:1",device="0"}',
            "dashboard_url": f"{PROBE_BOARD}?var-instance=n1:1&var-device=0",
        },
    ),
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
def test_a_warning_is_silent_before_speaks_during_and_ends_after(story, name):
    series, labels, annotations = ROWS[name]

    story.alerts(
        series,
        ("9m", name, []),
        ("39m", name, [Fires(labels, annotations)]),
        ("60m", name, []),
        interval="30s",
    )


def test_a_kernel_that_is_a_little_slower_becomes_a_ticket_after_an_hour(story):
    slow = f'kernel_probe_slow{{{PROBE},device="0",kernel="norm_activation"}}'
    told = {
        "description": "norm_activation on device 0 at n1:1 is slower than its baseline; "
        "its change detector is sure.",
        "query": 'gpu:kernel_slower{instance="n1:1",device="0"}',
        "dashboard_url": f"{PROBE_BOARD}?var-instance=n1:1&var-device=0",
    }

    story.alerts(
        PROBE_UP | {slow: "0x20 1x200 0x120"},
        ("60m", "KernelSlower", []),
        ("80m", "KernelSlower", [Fires(gpu_labels(device="0", kernel="norm_activation"), told)]),
        ("115m", "KernelSlower", []),
        interval="30s",
    )


def test_every_reason_for_a_reset_is_told_for_itself(story):
    waits = {
        f'gpu_retired_pages_pending{{{GPU},gpu="0"}}': "1x60",
        f'gpu_repair_pending{{{GPU},gpu="0",repair="tpc"}}': "1x60",
        f'gpu_recovery_action{{{GPU},gpu="0",action="gpu_reset"}}': "1x60",
    }
    reasons = ("page_retirement", "repair_of_tpc", "gpu_reset")
    fires = [
        Fires(
            gpu_labels(gpu="0", reason=reason),
            {
                "description": f"GPU 0 at n1:1 waits for a reset: {reason}.",
                "query": f"gpu:reset_needed{GPU_WHERE}",
                **ON_GPU,
            },
        )
        for reason in reasons
    ]

    story.alerts(GPU_UP | waits, ("20m", "GpuResetNeeded", fires), interval="30s")


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
