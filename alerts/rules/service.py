"""Alerts on what users feel right now: slow answers, errors, refusals, retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Alert
from alerts.promql import number, percent
from exporters.catalog import boards, neutral

if TYPE_CHECKING:
    from alerts.config import RulesSection

SERVICE = "{{ $labels.service }}"
LINK = {"service": "{{$labels.service}}"}


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """Everything about the service as a whole."""
    return (
        _latency(section),
        _errors(section),
        _success(section),
        _rate_limited(section),
        _resent(section),
        _upstream(section),
    )


def enough(section: RulesSection, labels: str) -> str:
    """The guard against speaking of shares of nearly nothing."""
    seconds = int(section.scale.window_seconds("5m"))
    rate = neutral.OUTCOME_RATE.value
    return (
        f"and on ({labels})\n"
        f"(sum by ({labels}) ({rate}) * {seconds} >= {section.thresholds.minimum_requests})"
    )


def _latency(section: RulesSection) -> Alert:
    bound = section.thresholds.p99_seconds
    signal = neutral.DURATION_P99.value
    return Alert(
        name="LatencyP99High",
        severity="page",
        expr=f"{signal} > {number(bound)}\n{enough(section, 'service, model')}",
        hold=section.scale.wait("5m"),
        keep_firing=section.scale.wait("5m"),
        summary="The slowest requests take too long.",
        description=(
            f"The 99th percentile of {{{{ $labels.model }}}} on {SERVICE} is "
            f"{{{{ $value | humanizeDuration }}}}; {number(bound)} s is the limit."
        ),
        query=signal.where(service=SERVICE, model="{{ $labels.model }}"),
        board=boards.SERVICE,
        variables=LINK | {"model": "{{$labels.model}}"},
        means="One request in a hundred takes longer than the limit, for minutes on end.",
        first=(
            "Read the verdict: it says where time goes (queue, prefill, decode, upstream).",
            "Compare replicas: one slow replica is taken out, all slow means load or an upstream.",
        ),
        kinds=(
            "slow_replica", "traffic_burst", "traffic_mix", "kv_cache_exhaustion", "upstream_slow",
            "gpu_throttle", "kernel_regression", "cpu_starvation", "cold_start", "cache_outage",
            "network_delay",
        ),
    )  # fmt: skip


def _errors(section: RulesSection) -> Alert:
    limit = section.thresholds.error_share
    signal = neutral.ERROR_SHARE.value
    return Alert(
        name="ErrorShareHigh",
        severity="page",
        expr=f"{signal} > {number(limit)}\n{enough(section, 'service')}",
        hold=section.scale.wait("2m"),
        keep_firing=section.scale.wait("5m"),
        summary="Too many requests are answered with a server error.",
        description=(
            f"{{{{ $value | humanizePercentage }}}} of answers of {SERVICE} are 5xx; "
            f"{percent(limit)} is the limit."
        ),
        query=signal.where(service=SERVICE),
        board=boards.SERVICE,
        variables=LINK,
        means="The share of answers with a status of 500 or above is over the limit.",
        first=(
            "Split by reason: 503 with `queue_full` is load, 502 and 500 are faults.",
            "Look whether retries multiply the load (RetryShareHigh).",
        ),
        kinds=("queue_saturation", "traffic_burst", "retry_storm", "bad_deploy", "upstream_errors",
               "out_of_memory", "gpu_fault"),
    )  # fmt: skip


def _success(section: RulesSection) -> Alert:
    wanted = section.thresholds.success_share
    signal = neutral.SLO_ERRORS["30m"].value.where(slo="availability")
    failures = neutral.SLO_FAILURES["1h"].value.where(slo="availability")
    return Alert(
        name="SuccessLow",
        severity="warning",
        expr=(
            f"1 - {signal} < {number(wanted)}\nand\n"
            f"{failures} >= {section.objectives.minimum_failures}"
        ),
        hold=section.scale.wait("5m"),
        summary="Fewer requests succeed than should.",
        description=(
            f"{{{{ $value | humanizePercentage }}}} of requests to {SERVICE} succeed; "
            f"{percent(wanted)} is the least."
        ),
        query=signal.where(service=SERVICE),
        board=boards.SERVICE,
        variables=LINK,
        means="Over the last half hour less than the wanted share of requests was answered.",
        first=("Look at the outcomes on the dashboard; the budget alerts say how urgent it is.",),
        kinds=("rate_limit", "traffic_burst", "bad_deploy", "upstream_errors"),
    )


def _rate_limited(section: RulesSection) -> Alert:
    limit = section.thresholds.rate_limited_share
    refused = neutral.REJECTED_RATE.value.where(reason="rate_limit")
    arrivals = f"sum by (service) ({neutral.STARTED_RATE.value})"
    return Alert(
        name="RateLimitShareHigh",
        severity="warning",
        expr=(
            f"sum by (service) ({refused})\n/\n({arrivals} > 0) > {number(limit)}\n"
            f"{enough(section, 'service')}"
        ),
        hold=section.scale.wait("5m"),
        summary="The rate limiter refuses a large share of requests.",
        description=(
            f"{{{{ $value | humanizePercentage }}}} of requests to {SERVICE} are refused with 429; "
            f"{percent(limit)} is the limit."
        ),
        query=refused.where(service=SERVICE),
        board=boards.SERVICE,
        variables=LINK,
        means="Clients are told to come back later although the limit, not the GPUs, may be full.",
        first=("See whether GPUs and queues have room; if so, the limit is too low.",),
        kinds=("rate_limit", "quota", "retry_storm", "traffic_burst"),
    )


def _resent(section: RulesSection) -> Alert:
    limit = section.thresholds.resent_share
    signal = neutral.RESENT_SHARE.value
    return Alert(
        name="RetryShareHigh",
        severity="warning",
        expr=f"{signal} > {number(limit)}\n{enough(section, 'service')}",
        hold=section.scale.wait("2m"),
        summary="Many arrivals are retries of what failed before.",
        description=(
            f"{{{{ $value | humanizePercentage }}}} of arrivals at {SERVICE} are retries; "
            f"{percent(limit)} is the limit."
        ),
        query=signal.where(service=SERVICE),
        board=boards.SERVICE,
        variables=LINK,
        means="Clients resend failed requests and so add to the load that made them fail.",
        first=("Find the clients without backoff; answer 429 or 503 with Retry-After.",),
        kinds=("retry_storm",),
    )


def _upstream(section: RulesSection) -> Alert:
    limit = section.thresholds.upstream_seconds
    signal = neutral.UPSTREAM_MEAN.value
    return Alert(
        name="UpstreamSlow",
        severity="warning",
        expr=f"{signal} > {number(limit)}",
        hold=section.scale.wait("5m"),
        summary="A service that requests depend on is slow.",
        description=(
            f"Calls from {SERVICE} to {{{{ $labels.upstream }}}} take "
            f"{{{{ $value | humanizeDuration }}}} on average; {number(limit)} s is the limit."
        ),
        query=signal.where(service=SERVICE, upstream="{{ $labels.upstream }}"),
        board=boards.SERVICE,
        variables=LINK,
        means="Every request waits for this service before its first token.",
        first=("Call its owners; shorten its timeout or serve without it meanwhile.",),
        kinds=("upstream_slow", "network_delay"),
    )
