from __future__ import annotations

import pytest

from tests.alerts.conftest import Fires

BOARD = "http://127.0.0.1:3000/d/busysignal"
ON_CHAT = f"{BOARD}-service?var-service=chat"
ON_GPU = f"{BOARD}-gpu?var-instance=n1:1&var-gpu=0"
GATEWAY = 'job="gateway",instance="g",service="chat"'
REPLICA = 'job="replica",instance="r1:8000",service="chat",replica="r1"'
OTHER = 'job="replica",instance="r2:8000",service="chat",replica="r2"'
NODE = 'job="node",instance="n1:1",service="chat"'
GPU = 'job="gpu",instance="n1:1",service="chat"'
UP = {
    f"{series}{{{labels}}}": value
    for labels in (NODE, GPU)
    for series, value in (("up", "1x900"), ("scrape_samples_scraped", "9x900"))
}
STARTED = f'llm_requests_started_total{{{GATEWAY},model="m"}}'


def requests(outcome="ok", status="200", model="m"):
    return f'llm_requests_total{{{GATEWAY},model="{model}",outcome="{outcome}",status="{status}"}}'


def cache(result):
    return f'llm_cache_lookups_total{{{GATEWAY},tier="prompt",result="{result}"}}'


def says(description, query, board=ON_CHAT, **labels):
    annotations = {"description": description, "query": query, "dashboard_url": board}
    return Fires(labels, annotations)


CHAT = {"service": "chat"}
R1 = {"service": "chat", "replica": "r1"}
GPU0 = {"service": "chat", "instance": "n1:1", "gpu": "0"}
GPU_WHERE = '{instance="n1:1",gpu="0"}'
BUSY = {requests(): "0+10x400", STARTED: "0+10x400"}
DURATIONS = (
    f'llm_request_duration_by_outcome_seconds_{{}}{{{{{GATEWAY},model="m",priority="{{}}",'
    'outcome="ok"{}}}'
)

# Every row: what goes in (wrong from minute 10 to minute 40), and what is said of it. The value
# before is still within the level, so that a level moved past it would be noticed.
ROWS: dict[str, tuple[dict[str, str], Fires]] = {
    "InteractiveP99High": (
        {
            requests(): "0+10x200",
            DURATIONS.format("bucket", "vip", ',le="0.2"'): "0+10x20 200x60 200+10x120",
            DURATIONS.format("bucket", "vip", ',le="0.3"'): "0+10x200",
            DURATIONS.format("bucket", "vip", ',le="+Inf"'): "0+10x200",
            DURATIONS.format("count", "vip", ""): "0+10x200",
            DURATIONS.format("bucket", "batch", ',le="+Inf"'): "0+10x200",
        },
        says(
            "The 99th percentile of interactive requests to m on chat is 299ms; 0.2 s is the "
            "limit.",
            'llm:interactive_duration_seconds:p99{service="chat",model="m"}',
            f"{ON_CHAT}&var-model=m",
            service="chat",
            model="m",
        ),
    ),
    "UpstreamFailing": (
        {
            f'llm_upstream_duration_seconds_count{{{GATEWAY},upstream="f",outcome="ok"}}': (
                "0+24x20 480+15x60 1380+24x120"
            ),
            f'llm_upstream_duration_seconds_count{{{GATEWAY},upstream="f",outcome="error"}}': (
                "0+1x20 20+5x60 320+1x120"
            ),
        },
        says(
            "25% of calls from chat to f fail; 5% is the limit.",
            'llm:upstream_errors:ratio{service="chat",upstream="f"}',
            service="chat",
            upstream="f",
        ),
    ),
    "FallbackShareHigh": (
        BUSY | {f'llm_fallbacks_total{{{GATEWAY},model="m"}}': "0x20 0+5x60 300x120"},
        says(
            "50% of requests to chat are answered by the fallback; 5% is the limit.",
            'llm:fallbacks:rate{service="chat"}',
            **CHAT,
        ),
    ),
    "LongPromptsMany": (
        {
            requests(): "0+10x200",
            f'llm_prompt_length_tokens_bucket{{{GATEWAY},model="m",le="2048.0"}}': (
                "0+9x20 180+5x60 480+9x120"
            ),
            f'llm_prompt_length_tokens_count{{{GATEWAY},model="m"}}': "0+10x200",
        },
        says(
            "50% of prompts to chat are longer than 2,048 tokens; 20% is the limit.",
            'llm:prompts_long:ratio{service="chat"}',
            **CHAT,
        ),
    ),
    "CacheHitsLow": (
        {
            requests(): "0+10x200",
            cache("hit"): "0+5x20 100+1x60 160+5x120",
            cache("miss"): "0+5x20 100+3x60 280+5x120",
        },
        says(
            "Only 25% of look-ups in prompt of chat hit; 50% is the least.",
            'llm:cache_hits:ratio{service="chat",tier="prompt"}',
            service="chat",
            tier="prompt",
        ),
    ),
    "CacheFailing": (
        {
            requests(): "0+10x200",
            cache("hit"): "0+30x20 600+3x60 780+30x120",
            cache("error"): "0x20 0+1x60 60x120",
        },
        says(
            "25% of look-ups in prompt of chat fail; 5% is the limit.",
            'llm:cache_errors:ratio{service="chat",tier="prompt"}',
            service="chat",
            tier="prompt",
        ),
    ),
    "BacklogOld": (
        {
            'kafka_consumergroup_lag{job="kafka",instance="k",consumergroup="c",topic="t",'
            'partition="0"}': "55x20 300x60 55x120",
            'kafka_consumergroup_current_offset{job="kafka",instance="k",consumergroup="c",'
            'topic="t",partition="0"}': "0+30x200",
        },
        says(
            "c needs 5m 0s to catch up with t; 60 s is the limit.",
            'llm:backlog_age_seconds{consumergroup="c",topic="t"}',
            f"{BOARD}-saturation",
            consumergroup="c",
            topic="t",
        ),
    ),
    "PreemptionsMany": (
        {f'llm_preemptions_total{{{REPLICA},model="m"}}': "0+24x20 480+60x60 4080+24x120"},
        says(
            "r1 of chat preempts 2 sequences a second; 1 is the limit.",
            'llm:preemptions:rate{service="chat",replica="r1"}',
            **R1,
        ),
    ),
    "ReplicaOutOfMemory": (
        {f"cgroup_oom_kills_total{{{REPLICA}}}": "0x20 0+1x60 60x200"},
        says(
            "r1 of chat was hit by the OOM killer 10 times lately.",
            'llm:replica_oom_kills:increase{service="chat",replica="r1"}',
            **R1,
        ),
    ),
    "ReplicaCpuThrottled": (
        {
            f"cgroup_cpu_periods_total{{{REPLICA}}}": "0+16x200",
            f"cgroup_cpu_throttled_periods_total{{{REPLICA}}}": "0+4x20 80+8x60 560+4x120",
        },
        says(
            "r1 of chat is throttled in 50% of its periods; 25% is the limit.",
            'llm:replica_cpu_throttled:ratio{service="chat",replica="r1"}',
            **R1,
        ),
    ),
    "LoadUneven": (
        {
            f'llm_requests_running{{{REPLICA},model="m"}}': "10x20 30x60 10x120",
            f'llm_requests_running{{{OTHER},model="m"}}': "10x20 1x60 10x120",
            f'llm_requests_running{{{OTHER.replace("r2", "r3")},model="m"}}': "10x20 1x60 10x120",
            f'llm_requests_running{{{OTHER.replace("r2", "r4")},model="m"}}': "10x20 8x60 10x120",
        },
        says(
            "r1 of chat runs 3 times as many requests as the mean; 2 times is the limit.",
            'llm:requests_running{service="chat",replica="r1"}',
            **R1,
        ),
    ),
    "GpuAboveHealthy": (
        UP | {f'gpu_utilization_ratio{{{GPU},gpu="0"}}': "0.8x20 0.85x60 0.8x120"},
        says(
            "GPU 0 at n1:1 is busy 85% of the time; up to 80% is healthy.",
            f"gpu:utilization:ratio{GPU_WHERE}",
            ON_GPU,
            **GPU0,
        ),
    ),
    "GpuMemoryFull": (
        UP
        | {
            f'gpu_memory_used_bytes{{{GPU},gpu="0"}}': "95x20 98x60 95x120",
            f'gpu_memory_total_bytes{{{GPU},gpu="0"}}': "100x200",
        },
        says(
            "GPU 0 at n1:1 uses 98% of its memory; 95% is the limit.",
            f"gpu:memory_used:ratio{GPU_WHERE}",
            ON_GPU,
            **GPU0,
        ),
    ),
    "DeviceMemoryFragmented": (
        {
            f'torch_memory_inactive_split_bytes{{{REPLICA},gpu="0"}}': "35x20 40x60 35x120",
            f'torch_memory_reserved_bytes{{{REPLICA},gpu="0"}}': "100x200",
        },
        says(
            "40% of what the allocator of r1 of chat took lies in pieces too small; 35% is the "
            "limit.",
            'llm:device_memory_fragmentation:ratio{service="chat",replica="r1"}',
            **R1,
        ),
    ),
    "GpuPowerHigh": (
        UP | {f'gpu_power_watts{{{GPU},gpu="0"}}': "450x20 500x60 450x120"},
        says(
            "GPU 0 at n1:1 draws 500 W; 450 W is the limit.",
            f"gpu:power_watts{GPU_WHERE}",
            ON_GPU,
            **GPU0,
        ),
    ),
    "ResourceUseHigh": (
        UP
        | {
            f"node_memory_MemAvailable_bytes{{{NODE}}}": "20x20 10x60 20x120",
            f"node_memory_MemTotal_bytes{{{NODE}}}": "100x200",
        },
        says(
            "n1:1 uses 90% of its memory; 80% is the limit.",
            'node:resource_use:ratio{instance="n1:1",resource="memory"}',
            f"{BOARD}-machines?var-instance=n1:1",
            instance="n1:1",
            resource="memory",
        ),
    ),
    "NotificationsDropped": (
        {'prometheus_notifications_dropped_total{job="prometheus",instance="p"}': "3x20 6x200"},
        says(
            "p: 3 alerts dropped lately.",
            'prometheus_notifications_dropped_total{instance="p"}',
            f"{BOARD}-stack",
            job="prometheus",
            instance="p",
        ),
    ),
    "MeasuringErrors": (
        {f"busysignal_metrics_errors_total{{{GATEWAY}}}": "3x20 6x200"},
        says(
            "g: 3 errors were kept from requests lately.",
            'busysignal_metrics_errors_total{instance="g"}',
            f"{BOARD}-stack",
            job="gateway",
            instance="g",
            service="chat",
        ),
    ),
    "EngineSignalMissing": (
        {
            f"tgi_batch_current_size{{{REPLICA}}}": "1x200",
            f"tgi_queue_size{{{REPLICA}}}": "0x20 stale _x59 0x120",
        },
        says(
            "r1 of chat runs tgi and does not show llm:queue_depth.",
            'busysignal:engine_signal_missing{service="chat",replica="r1"}',
            f"{BOARD}-stack",
            engine="tgi",
            signal="llm:queue_depth",
            **R1,
        ),
    ),
    "SinglePointDown": (
        {
            'up{job="etcd",instance="e:1"}': "1x20 0x60 1x120",
            'scrape_samples_scraped{job="etcd",instance="e:1"}': "9x20 0x60 9x120",
        },
        says(
            "No data from etcd at e:1.",
            'busysignal:target_up{job=~"etcd|config|prometheus",instance="e:1"}',
            f"{BOARD}-stack",
            job="etcd",
            instance="e:1",
        ),
    ),
    "QueueFullSoon": (
        {f'llm_queue_depth{{{REPLICA},model="m",priority="normal"}}': "5x20 5+2x60 5x120"},
        says(
            "r1 of chat will have 175 requests waiting in a quarter of an hour; 100 is the limit.",
            'llm:queue_depth{service="chat",replica="r1"}',
            **R1,
        ),
    ),
    "KVCacheFullSoon": (
        {f'llm_kv_cache_usage_ratio{{{REPLICA},model="m"}}': "0.2x20 0.2+0.01x60 0.2x120"},
        says(
            "r1 of chat will use 107% of its KV cache in a quarter of an hour; 95% is the limit.",
            'llm:kv_cache_usage:ratio{service="chat",replica="r1"}',
            **R1,
        ),
    ),
}
WHEN: dict[str, tuple[str, str, str]] = {
    "NotificationsDropped": ("9m", "13m", "30m"),
    "MeasuringErrors": ("9m", "13m", "30m"),
    "ReplicaOutOfMemory": ("9m", "38m", "70m"),
    "QueueFullSoon": ("9m", "38m", "75m"),
    "KVCacheFullSoon": ("9m", "39m", "75m"),
    "PreemptionsMany": ("9m", "38m", "61m"),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_level_is_silent_before_speaks_during_and_ends_after(story, name):
    series, fires = ROWS[name]
    before, during, after = WHEN.get(name, ("9m", "39m", "61m"))

    story.alerts(
        series, (before, name, []), (during, name, [fires]), (after, name, []), interval="30s"
    )


# What needs an hour of the usual first: wrong from minute 100 to minute 130.
LATE: dict[str, tuple[dict[str, str], Fires]] = {
    "ArrivalsJump": (
        {
            STARTED: "0+30x100 3000+150x30 7500+30x60",
            requests(): "0+30x200",
        },
        says(
            "chat gets 5 times its usual arrivals; 4 times is the limit.",
            'llm:requests_started:growth{service="chat"}',
            **CHAT,
        ),
    ),
    "StorageWaitsGrow": (
        UP | {f"node_pressure_io_waiting_seconds_total{{{NODE}}}": "0+3x100 300+30x30 1200+3x60"},
        says(
            "n1:1 waits for storage 10 times as long as usual; 3.2 times is the limit.",
            'node:io_waiting:growth{instance="n1:1"}',
            f"{BOARD}-machines?var-instance=n1:1",
            service="chat",
            instance="n1:1",
        ),
    ),
    "GpuUnderused": (
        UP | {f'gpu_utilization_ratio{{{GPU},gpu="0"}}': "0.6x60 0.25x80 0.6x60"},
        says(
            "GPU 0 at n1:1 is busy 25% of the time; from 60% on it is healthy.",
            f"gpu:utilization:ratio{GPU_WHERE}",
            ON_GPU,
            **GPU0,
        ),
    ),
    "DiskFullSoon": (
        UP
        | {
            f'node_filesystem_avail_bytes{{{NODE},device="d",fstype="ext4",mountpoint="/"}}': (
                "120000x60 120000-1000x80 120000x90"
            )
        },
        says(
            "/ at n1:1 will be full within 4 hours.",
            'node:disk_free_bytes{instance="n1:1",mountpoint="/"}',
            f"{BOARD}-machines?var-instance=n1:1",
            service="chat",
            instance="n1:1",
            mountpoint="/",
        ),
    ),
}
LATE_WHEN = {"ArrivalsJump": ("99m", "109m", "150m"), "StorageWaitsGrow": ("99m", "109m", "150m"),
             "GpuUnderused": ("60m", "120m", "170m"),
             "DiskFullSoon": ("60m", "139m", "210m")}  # fmt: skip


@pytest.mark.parametrize("name", LATE)
def test_what_grows_is_held_against_what_was_usual(slow_story, name):
    series, fires = LATE[name]
    before, during, after = LATE_WHEN[name]

    slow_story.alerts(
        series, (before, name, []), (during, name, [fires]), (after, name, []), interval="1m"
    )


def test_a_first_answer_of_a_fresh_replica_is_held_against_the_median(story):
    def bucket(bound):
        return DURATIONS.format("bucket", "normal", f',le="{bound}"')

    started = f"process_start_time_seconds{{{REPLICA}}}"
    cold = says(
        "The first answer of r1 of chat took 8 times the median; 4 times is the limit.",
        'llm:cold_start:ratio{service="chat",replica="r1"}',
        **R1,
    )

    story.alerts(
        {
            DURATIONS.format("count", "normal", ""): "0+15x400",
            bucket("0.3"): "0x400",
            bucket("0.5"): "0+15x400",
            bucket("+Inf"): "0+15x400",
            f'llm_cold_start_seconds{{{REPLICA},model="m"}}': "1.6x80 3.2x200",
            started: "0x80 1200x200",
        },
        ("12m", "ColdStartSlow", []),
        ("25m", "ColdStartSlow", [cold]),
        ("50m", "ColdStartSlow", []),
    )


def test_three_bad_samples_in_a_row_page_and_two_do_not(story):
    error_rate = says(
        "At least 50% of requests to chat failed in each of three samples; 5% is the limit.",
        'llm:slo_errors:ratio_rate5m{slo="availability",service="chat"}',
        service="chat",
        slo="availability",
    )

    story.alerts(
        # From minute 10 to minute 30.
        {requests(): "0+10x400", requests("rejected", "503"): "0x40 0+10x80 800x200"},
        ("10m", "ErrorRateThreeInARow", []),
        ("10m15s", "ErrorRateThreeInARow", []),
        ("20m", "ErrorRateThreeInARow", [error_rate]),
        ("45m", "ErrorRateThreeInARow", []),
    )
