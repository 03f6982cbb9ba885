from __future__ import annotations

import pytest

from tests.alerts.conftest import Fires
from tests.alerts.levels import (
    BOARD,
    BUSY,
    CHAT,
    DURATIONS,
    GATEWAY,
    ON_CHAT,
    OTHER,
    R1,
    REPLICA,
    cache,
    requests,
    says,
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
