from __future__ import annotations

import pytest

from alerts.rules.device import FATAL_XIDS
from exporters.gpu.events import KNOWN_XIDS
from tests.alerts.conftest import Fires

BOARD = "http://127.0.0.1:3000/d/"
GATEWAY = 'job="gateway",instance="g",service="chat"'
OK = f'llm_requests_total{{{GATEWAY},model="m",outcome="ok",status="200"}}'
ERROR = f'llm_requests_total{{{GATEWAY},model="m",outcome="error",status="500"}}'
GPU = 'job="gpu",instance="n1:9400",service="chat"'
REPLICA = 'job="replica",instance="r1:8000",service="chat",replica="r1"'


def duration(bound):
    return served(bound, "ok")


def served(bound, outcome):
    name = "llm_request_duration_by_outcome_seconds"
    labels = f'{GATEWAY},model="m",priority="normal",outcome="{outcome}"'
    if bound is None:
        return f"{name}_count{{{labels}}}"
    return f'{name}_bucket{{{labels},le="{bound}"}}'


def test_slow_requests_page_after_five_minutes_of_them(story):
    page = Fires(
        {"service": "chat", "model": "m"},
        {
            "description": "The 99th percentile of m on chat is 741.7ms; 0.5 s is the limit.",
            "dashboard_url": f"{BOARD}busysignal-service?var-service=chat&var-model=m",
            "query": 'llm:request_duration_seconds:p99{service="chat",model="m"}',
        },
    )

    story.alerts(
        {
            OK: "0+10x200",
            duration(None): "0+10x200",
            duration("+Inf"): "0+10x200",
            duration("0.75"): "0+10x200",
            duration("0.5"): "0+10x40 400+7x40 680+10x120",
            duration("0.3"): "0+10x40 400+7x40 680+10x120",
        },
        ("10m", "LatencyP99High", []),
        ("14m", "LatencyP99High", []),
        ("20m", "LatencyP99High", [page]),
        ("35m", "LatencyP99High", []),
    )


@pytest.mark.parametrize("outcome", ["rejected", "client_gone", "error"])
def test_quick_endings_that_served_nobody_do_not_hide_slow_ones(story, outcome):
    # Of 100 requests 99 end at once without an answer; the one that is served takes a second.
    quick = {served(bound, outcome): "0+990x120" for bound in (None, "+Inf", "1.0", "0.5")}
    slow = {duration(bound): "0+10x120" for bound in (None, "+Inf", "1.0")}

    story.values(
        {**quick, **slow, duration("0.5"): "0x120"},
        (
            "15m",
            "llm:request_duration_seconds:p50",
            {'llm:request_duration_seconds:p50{service="chat",model="m"}': 0.75},
        ),
        (
            "15m",
            "llm:slo_errors:ratio_rate5m{slo='latency'}",
            {'llm:slo_errors:ratio_rate5m{service="chat",slo="latency"}': 1},
        ),
    )


def test_one_slow_request_alone_does_not_page(story):
    one = "0x20 1x40"

    story.alerts(
        {OK: one, duration(None): one, duration("+Inf"): one, duration("0.5"): "0x60"},
        *((f"{minute}m", "LatencyP99High", []) for minute in range(5, 14)),
    )


def test_a_tenth_of_server_errors_pages(story):
    page = Fires(
        {"service": "chat"},
        {
            "description": "10% of answers of chat are 5xx; 5% is the limit.",
            "dashboard_url": f"{BOARD}busysignal-service?var-service=chat",
            "query": 'llm:requests_5xx:ratio{service="chat"}',
        },
    )

    story.alerts(
        {OK: "0+9x200", ERROR: "0x40 0+1x60 60x100"},
        ("10m", "ErrorShareHigh", []),
        ("20m", "ErrorShareHigh", [page]),
        ("45m", "ErrorShareHigh", []),
    )


def test_gateways_that_speak_grpc_have_server_errors_too(story):
    def calls(outcome, status):
        return OK.replace('"ok"', f'"{outcome}"').replace('"200"', f'"{status}"')

    blamed = ("UNKNOWN", "INTERNAL", "DATA_LOSS", "UNAVAILABLE", "DEADLINE_EXCEEDED")
    failed = {calls("error", status): "0+15x200" for status in blamed}
    others = {
        calls("ok", "OK"): "0+450x200",
        calls("ok", "NOT_FOUND"): "0+75x200",
        calls("ok", "UNIMPLEMENTED"): "0+75x200",  # a method that no service has
        calls("rejected", "RESOURCE_EXHAUSTED"): "0+75x200",
    }

    story.values(
        {**failed, **others},
        ("15m", "llm:requests_5xx:ratio", {'llm:requests_5xx:ratio{service="chat"}': 0.1}),
    )


def test_one_error_in_an_idle_hour_does_not_page(story):
    story.alerts(
        {OK: "0x200", ERROR: "0x40 1x100"},
        *((f"{minute}m", "ErrorShareHigh", []) for minute in range(10, 20)),
    )


def test_a_deep_queue_warns_and_a_deeper_one_pages(story):
    def deep(limit, where, labels):
        return Fires(
            {"service": "chat", **labels},
            {
                "description": f"120 requests wait at {where} of chat; {limit} is the limit.",
                "dashboard_url": f"{BOARD}busysignal-service?var-service=chat",
                "query": f'llm:queue_depth{{service="chat",replica="{labels.get("replica", "")}"}}',
            },
        )

    story.alerts(
        {
            f'llm_queue_depth{{{GATEWAY},model="m",priority="vip"}}': "0x20 20x20 0x60",
            f'llm_queue_depth{{{GATEWAY},model="m",priority="batch"}}': "0x20 100x20 0x60",
            f'vllm:num_requests_waiting{{{REPLICA},model_name="m",engine="0"}}': "0x20 120x20 0x60",
        },
        ("5m", "QueueDeep", []),
        ("5m", "QueueDeepWarning", []),
        ("9m", "QueueDeep", [deep(100, "the gateway", {}), deep(100, "r1", {"replica": "r1"})]),
        (
            "9m",
            "QueueDeepWarning",
            [deep(50, "the gateway", {}), deep(50, "r1", {"replica": "r1"})],
        ),
        ("20m", "QueueDeep", []),
        ("20m", "QueueDeepWarning", []),
    )


def gpu_page(text, query):
    return {
        "description": f"GPU 0 at n1:9400 {text}",
        "dashboard_url": f"{BOARD}busysignal-gpu?var-instance=n1:9400&var-gpu=0",
        "query": query,
    }


GPU_TARGET = {f"up{{{GPU}}}": "1x200", f"scrape_samples_scraped{{{GPU}}}": "90x200"}
GPU_GONE = Fires(
    {"service": "chat", "instance": "n1:9400", "gpu": "0"},
    gpu_page(
        "does not answer, or is gone from the list of devices.",
        'gpu:up{instance="n1:9400",gpu="0"}',
    ),
)
FATAL_XID = Fires(
    {"service": "chat", "instance": "n1:9400", "gpu": "0", "xid": "79"},
    gpu_page(
        "reported XID 79.",
        f'gpu:xid_errors:increase{{xid=~"{FATAL_XIDS}",instance="n1:9400",gpu="0"}}',
    ),
)


def test_a_gpu_that_does_not_answer_pages(story):
    story.alerts(
        GPU_TARGET | {f'gpu_up{{{GPU},gpu="0"}}': "1x20 0x20 1x60"},
        ("5m", "GpuDown", []),
        ("8m", "GpuDown", [GPU_GONE]),
        ("12m", "GpuDown", []),
    )


def test_a_gpu_that_vanishes_pages(story):
    story.alerts(
        GPU_TARGET
        | {f'gpu_up{{{GPU},gpu="0"}}': "1x20 stale", f'gpu_up{{{GPU},gpu="1"}}': "1x200"},
        ("5m", "GpuDown", []),
        ("8m", "GpuDown", [GPU_GONE]),
    )


def test_a_gpu_exporter_that_is_down_is_a_warning_and_no_page_for_every_gpu(story):
    warning = Fires(
        {"service": "chat", "job": "gpu", "instance": "n1:9400"},
        {
            "description": "No data from gpu n1:9400.",
            "dashboard_url": f"{BOARD}busysignal-stack",
            "query": 'busysignal:target_up{job="gpu"}',
        },
    )

    story.alerts(
        {
            f"up{{{GPU}}}": "1x20 0x100 1x40",
            f"scrape_samples_scraped{{{GPU}}}": "90x20 0x100 90x40",
            f'gpu_up{{{GPU},gpu="0"}}': "1x20 stale _x99 1x40",
            f'gpu_up{{{GPU},gpu="1"}}': "1x20 stale _x99 1x40",
        },
        *((f"{minute}m", "GpuDown", []) for minute in range(4, 40)),
        ("14m", "ExporterDown", []),
        ("20m", "ExporterDown", [warning]),
        ("35m", "ExporterDown", []),
    )


def test_every_fatal_xid_pages_at_once_and_a_harmless_one_never(story):
    story.alerts(
        GPU_TARGET
        | {
            f'gpu_xid_errors_total{{{GPU},gpu="0",xid="79"}}': "0x40 1x40 2x60",
            f'gpu_xid_errors_total{{{GPU},gpu="0",xid="13"}}': "0x40 1x100",
        },
        ("9m", "GpuXid", []),
        ("10m30s", "GpuXid", [FATAL_XID]),
        ("18m", "GpuXid", []),
        ("21m30s", "GpuXid", [FATAL_XID]),
        ("30m", "GpuXid", []),
    )


def test_an_xid_of_long_ago_stays_silent_after_a_gap_in_its_scrapes(story):
    story.alerts(
        GPU_TARGET
        | {f'gpu_xid_errors_total{{{GPU},gpu="0",xid="79"}}': "0x4 1x40 stale _x38 1x80"},
        ("2m", "GpuXid", [FATAL_XID]),
        *((f"{minute}m", "GpuXid", []) for minute in range(10, 40)),
    )


def test_every_fatal_xid_has_a_series_before_it_happens():
    assert set(FATAL_XIDS.split("|")) <= {str(code) for code in KNOWN_XIDS}


def no_data(labels, who):
    return Fires(
        {"job": "replica", "service": "chat", **labels},
        {
            "description": f"No data from {who} of chat: it is down, or only its metrics are.",
            "dashboard_url": f"{BOARD}busysignal-service?var-service=chat",
            "query": 'busysignal:target_up{job="replica",service="chat"}',
        },
    )


def test_a_replica_that_does_not_answer_scrapes_pages(story):
    story.alerts(
        {
            f"up{{{REPLICA}}}": "1x20 0x40 1x60",
            f"scrape_samples_scraped{{{REPLICA}}}": "90x20 0x40 90x60",
        },
        ("9m", "TargetDown", []),
        ("11m", "TargetDown", [no_data({"instance": "r1:8000", "replica": "r1"}, "replica r1")]),
        ("16m", "TargetDown", []),
    )


def test_a_scrape_that_brings_nothing_is_no_answer(story):
    story.alerts(
        {
            f"up{{{REPLICA}}}": "1x120",
            f"scrape_samples_scraped{{{REPLICA}}}": "90x20 0x40 90x60",
        },
        ("11m", "TargetDown", [no_data({"instance": "r1:8000", "replica": "r1"}, "replica r1")]),
        ("16m", "TargetDown", []),
    )


def test_replicas_that_vanish_altogether_page_and_one_that_is_scaled_in_does_not(story):
    other = REPLICA.replace("r1", "r2")

    story.alerts(
        {
            f"up{{{REPLICA}}}": "1x20 stale",
            f"up{{{other}}}": "1x60 stale",
            f"scrape_samples_scraped{{{REPLICA}}}": "90x20 stale",
            f"scrape_samples_scraped{{{other}}}": "90x60 stale",
        },
        ("14m", "TargetDown", []),
        ("22m", "TargetDown", [no_data({}, "replica (all of them)")]),
    )
