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
        query=signal.where(service=SERVICE, model="{{ $labels.model }}"),
        board=boards.SERVICE,
        variables=LINK | {"model": "{{$labels.model}}"},
        values={"limit": number(bound)},
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
        query=signal.where(service=SERVICE),
        board=boards.SERVICE,
        variables=LINK,
        values={"limit": percent(limit)},
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
        query=signal.where(service=SERVICE),
        board=boards.SERVICE,
        variables=LINK,
        values={"limit": percent(wanted)},
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
        query=refused.where(service=SERVICE),
        board=boards.SERVICE,
        variables=LINK,
        values={"limit": percent(limit)},
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
        query=signal.where(service=SERVICE),
        board=boards.SERVICE,
        variables=LINK,
        values={"limit": percent(limit)},
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
        query=signal.where(service=SERVICE, upstream="{{ $labels.upstream }}"),
        board=boards.SERVICE,
        variables=LINK,
        values={"limit": number(limit)},
        kinds=("upstream_slow", "network_delay"),
    )
