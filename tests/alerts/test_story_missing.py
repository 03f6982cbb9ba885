from __future__ import annotations

import pytest

from exporters.catalog import neutral
from tests.alerts.conftest import Fires

GATEWAY = 'job="gateway",instance="g",service="chat"'
REPLICA = 'job="replica",instance="r1:8000",service="chat",replica="r1"'
PROBE = 'job="probe",instance="n1:9836",service="chat"'
OK = f'llm_requests_total{{{GATEWAY},model="m",outcome="ok",status="200"}}'
STARTED = f'llm_requests_started_total{{{GATEWAY},model="m"}}'
GATEWAY_UP = {f"up{{{GATEWAY}}}": "1x200", f"scrape_samples_scraped{{{GATEWAY}}}": "90x200"}
PROBE_UP = {f"up{{{PROBE}}}": "1x200", f"scrape_samples_scraped{{{PROBE}}}": "9x200"}


def samples(state):
    return f'kernel_probe_samples_total{{{PROBE},device="0",kernel="gemm_decode",state="{state}"}}'


def missing(signal):
    return Fires(
        {"signal": signal},
        {
            "description": f"{signal} is missing although its targets answer; "
            "the alerts that read it are blind.",
            "query": f'busysignal:signal_missing{{signal="{signal}"}}',
        },
    )


def test_a_gpu_that_is_always_busy_lacks_no_probe_signal(story):
    story.alerts(
        PROBE_UP | {samples("idle"): "40x200", samples("contended"): "0+1x200"},
        *((f"{minute}m", "SignalMissing", []) for minute in range(16, 48, 4)),
    )


def test_a_gpu_with_few_idle_moments_lacks_no_probe_signal(story):
    story.alerts(
        PROBE_UP | {samples("idle"): "0+1x200", samples("contended"): "0+12x200"},
        ("40m", "SignalMissing", []),
    )


def test_a_probe_that_measures_an_idle_gpu_without_telling_is_noticed(story):
    story.alerts(
        PROBE_UP | {samples("idle"): "0+3x200", samples("contended"): "0+1x200"},
        ("14m", "SignalMissing", []),
        ("20m", "SignalMissing", [missing("gpu:kernel_slowdown:ratio")]),
    )


def test_a_probe_that_tells_lacks_nothing(story):
    told = f'kernel_probe_slowdown_ratio{{{PROBE},device="0",kernel="gemm_decode"}}'

    story.alerts(
        PROBE_UP | {told: "1x200", samples("idle"): "0+3x200", samples("contended"): "0x200"},
        ("40m", "SignalMissing", []),
    )


@pytest.mark.parametrize(
    "traffic", [OK, f'llm_generated_tokens_total{{{REPLICA},model="m"}}'], ids=["ends", "tokens"]
)
def test_a_gateway_that_counts_no_arrivals_while_it_serves_is_noticed(story, traffic):
    story.alerts(
        GATEWAY_UP | {traffic: "0+10x200"},
        ("14m", "SignalMissing", []),
        ("25m", "SignalMissing", [missing("llm:requests_started:rate")]),
    )


def test_a_gateway_that_is_down_is_no_missing_signal(story):
    story.alerts(
        {
            f"up{{{GATEWAY}}}": "0x200",
            f'llm_generated_tokens_total{{{REPLICA},model="m"}}': "0+10x200",
        },
        ("40m", "SignalMissing", []),
    )


def test_a_gateway_that_nobody_has_called_yet_lacks_nothing(story):
    story.alerts(GATEWAY_UP, ("40m", "SignalMissing", []))


def test_no_traffic_is_no_missing_signal(story):
    story.alerts(
        {OK: "5x200", STARTED: "5x200", f"up{{{GATEWAY}}}": "1x200"},
        ("40m", "SignalMissing", []),
    )


def test_a_gateway_that_stops_telling_outcomes_is_noticed(story):
    silent = [
        "llm:request_duration_seconds:p99",
        "llm:requests:rate",
        "llm:requests_5xx:ratio",
        "llm:queue_depth",
        *(signal.name for signal in neutral.SLO_ERRORS.values()),
        *(signal.name for signal in neutral.SLO_FAILURES.values()),
    ]

    story.alerts(
        {STARTED: "0+10x200"},
        (
            "20m",
            "SignalMissing",
            [missing(signal) for signal in silent],
        ),
    )


REPLICA_UP = {f"up{{{REPLICA}}}": "1x200", f"scrape_samples_scraped{{{REPLICA}}}": "20x200"}


def test_what_an_engine_has_no_name_for_is_not_missing(story):
    told = {
        f"llamacpp:requests_processing{{{REPLICA}}}": "1x200",
        f"process_resident_memory_bytes{{{REPLICA}}}": "8e7x200",
    }

    story.alerts(REPLICA_UP | told, ("40m", "SignalMissing", []))


def test_what_an_engine_should_tell_and_does_not_is_missing(story):
    told = {
        f'vllm:num_requests_running{{{REPLICA},model_name="m",engine="0"}}': "1x200",
        f"process_resident_memory_bytes{{{REPLICA}}}": "8e7x200",
    }

    story.alerts(
        REPLICA_UP | told,
        (
            "40m",
            "SignalMissing",
            [missing("llm:kv_cache_usage:ratio"), missing("llm:preemptions:rate")],
        ),
    )
