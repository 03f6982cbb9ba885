from __future__ import annotations

from exporters.catalog.engines import ENGINES, aliases_of

GATEWAY = 'job="gateway",instance="g",service="chat"'
REPLICA = 'job="replica",instance="r1:8000",service="chat",replica="r1"'
OK = f'llm_requests_total{{{GATEWAY},model="m",outcome="ok",status="200"}}'
NO_SERIES: dict[str, float] = {}


def test_shares_of_no_traffic_have_no_series(story):
    story.values(
        {OK: "7x40"},
        ("10m", "llm:requests_5xx:ratio", NO_SERIES),
        ("10m", "llm:slo_errors:ratio_rate5m", NO_SERIES),
        ("10m", "llm:request_duration_seconds:p99", NO_SERIES),
    )


def test_error_shares_of_good_requests_are_zero(story):
    story.values(
        {OK: "0+1x40"},
        ("10m", "llm:requests_5xx:ratio", {'llm:requests_5xx:ratio{service="chat"}': 0}),
        (
            "10m",
            "llm:slo_errors:ratio_rate5m",
            {'llm:slo_errors:ratio_rate5m{service="chat",slo="availability"}': 0},
        ),
    )


def test_the_gateway_alone_speaks_for_the_service(story):
    story.values(
        {OK: "0+15x40", OK.replace("gateway", "replica"): "0+150x40"},
        (
            "10m",
            "llm:requests:rate",
            {'llm:requests:rate{service="chat",model="m",outcome="ok"}': 1},
        ),
    )


def test_a_vllm_replica_fills_the_same_signals_as_ours(story):
    ours = REPLICA
    theirs = REPLICA.replace("r1", "r2")

    story.values(
        {
            f'llm_kv_cache_usage_ratio{{{ours},model="m"}}': "0.25x40",
            f'vllm:kv_cache_usage_perc{{{theirs},model_name="m",engine="0"}}': "0.5x40",
            f'llm_preemptions_total{{{ours},model="m"}}': "0+15x40",
            f'vllm:num_preemptions_total{{{theirs},model_name="m",engine="0"}}': "0+30x40",
        },
        (
            "10m",
            "llm:kv_cache_usage:ratio",
            {
                'llm:kv_cache_usage:ratio{service="chat",replica="r1"}': 0.25,
                'llm:kv_cache_usage:ratio{service="chat",replica="r2"}': 0.5,
            },
        ),
        (
            "10m",
            "llm:preemptions:rate",
            {
                'llm:preemptions:rate{service="chat",replica="r1"}': 1,
                'llm:preemptions:rate{service="chat",replica="r2"}': 2,
            },
        ),
    )


def test_where_a_replica_shows_both_names_ours_counts_once(story):
    story.values(
        {
            f'llm_queue_depth{{{REPLICA},model="m",priority="normal"}}': "3x40",
            f'vllm:num_requests_waiting{{{REPLICA},model_name="m",engine="0"}}': "5x40",
        },
        ("5m", "llm:queue_depth", {'llm:queue_depth{service="chat",replica="r1"}': 3}),
    )


def test_the_gateways_queue_has_no_replica(story):
    story.values(
        {f'llm_queue_depth{{{GATEWAY},model="m",priority="normal"}}': "3x40"},
        ("5m", "llm:queue_depth", {'llm:queue_depth{service="chat"}': 3}),
    )


def test_a_replica_is_throttled_as_often_as_its_quota_held_it_back(story):
    free = REPLICA.replace("r1", "r2")

    story.values(
        {
            f"cgroup_cpu_periods_total{{{REPLICA}}}": "0+150x40",
            f"cgroup_cpu_throttled_periods_total{{{REPLICA}}}": "0+60x40",
            f"cgroup_cpu_periods_total{{{free}}}": "0x40",
            f"cgroup_cpu_throttled_periods_total{{{free}}}": "0x40",
            f"process_resident_memory_bytes{{{free}}}": "4096x40",
        },
        (
            "10m",
            "llm:replica_cpu_throttled:ratio",
            {'llm:replica_cpu_throttled:ratio{service="chat",replica="r1"}': 0.4},
        ),
        (
            "10m",
            "llm:replica_memory_bytes",
            {'llm:replica_memory_bytes{service="chat",replica="r2"}': 4096},
        ),
    )


def test_every_alias_reads_the_replicas_targets():
    for known in ENGINES:
        for signal in known.aliases:
            for alias in aliases_of(signal):
                assert all('job="replica"' in series for series in alias.selectors())


def test_the_gap_between_tokens_is_a_step_of_an_engine_that_tells_none(story):
    ours, theirs = REPLICA, REPLICA.replace("r1", "r2")
    step, gap = "llm_step_duration_seconds", "llm_inter_token_latency_seconds"

    story.values(
        {
            f'{step}_sum{{{ours},model="m",phase="decode"}}': "0+3x40",
            f'{step}_count{{{ours},model="m",phase="decode"}}': "0+12x40",
            f'{gap}_sum{{{ours},model="m"}}': "0+9x40",
            f'{gap}_count{{{ours},model="m"}}': "0+30x40",
            f"llamacpp:tokens_predicted_seconds_total{{{theirs}}}": "0+6x40",
            f"llamacpp:tokens_predicted_total{{{theirs}}}": "0+30x40",
        },
        (
            "10m",
            "llm:step_seconds:mean",
            {
                'llm:step_seconds:mean{service="chat",replica="r1",phase="decode"}': 0.25,
                'llm:step_seconds:mean{service="chat",replica="r2",phase="decode"}': 0.2,
            },
        ),
    )


def test_the_share_of_retries_that_begin_at_once_is_told_in_full(story):
    started = f'llm_requests_started_total{{{GATEWAY},model="m"}}'
    resent = f'llm_requests_resent_total{{{GATEWAY},model="m"}}'

    story.values(
        {started: "0+10x20 310+110x3", resent: "0x20 90+90x3"},
        ("17m15s", "round(llm:requests_resent:ratio, 0.001)", {'{service="chat"}': 0.75}),
        interval="45s",
    )


def test_a_gateway_that_began_anew_still_tells_what_share_is_retries(story):
    started = f'llm_requests_started_total{{{GATEWAY},model="m"}}'
    resent = f'llm_requests_resent_total{{{GATEWAY},model="m"}}'

    story.values(
        {started: "0+10x20 0+10x20", resent: "0+5x20 0+5x20"},
        ("7m", "round(llm:requests_resent:ratio, 0.001)", {'{service="chat"}': 0.5}),
    )
