"""Alerts on what users feel right now: slow answers, errors, refusals, retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.rules.subject import MODEL, SERVICE, UPSTREAM
from exporters.catalog import neutral, neutral_levels

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from alerts.model import Alert

SAMPLES_IN_A_ROW = 3


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """Everything about the service as a whole."""
    return (
        _latency(section),
        _interactive(section),
        _errors(section),
        _error_rate(section),
        _success(section),
        _rate_limited(section),
        _resent(section),
        _upstream(section),
        _upstream_errors(section),
        _fallback(section),
    )


def enough(section: RulesSection, labels: str) -> str:
    """The guard against speaking of shares of nearly nothing."""
    seconds = int(section.scale.window_seconds("5m"))
    rate = neutral.OUTCOME_RATE.value
    return (
        f"\nand on ({labels})\n"
        f"(sum by ({labels}) ({rate}) * {seconds} >= {section.thresholds.minimum_requests})"
    )


def _latency(section: RulesSection) -> Alert:
    return MODEL.over(
        section, neutral.DURATION_P99.value, "p99_seconds", name="LatencyP99High",
        then=enough(section, "service, model"), severity="page", hold="5m", keep="5m",
        kinds=(
            "slow_replica", "traffic_burst", "traffic_mix", "kv_cache_exhaustion", "upstream_slow",
            "gpu_throttle", "kernel_regression", "cpu_starvation", "cold_start", "cache_outage",
            "network_delay",
        ),
    )  # fmt: skip


def _interactive(section: RulesSection) -> Alert:
    return MODEL.over(
        section, neutral_levels.INTERACTIVE_P99.value, "interactive_p99_seconds",
        name="InteractiveP99High", then=enough(section, "service, model"), severity="warning",
        hold="5m", keep="5m",
        kinds=("traffic_mix", "queue_saturation", "slow_replica", "upstream_slow", "cold_start"),
    )  # fmt: skip


def _errors(section: RulesSection) -> Alert:
    return SERVICE.over(
        section, neutral.ERROR_SHARE.value, "error_share", name="ErrorShareHigh",
        then=enough(section, "service"), severity="page", hold="2m", keep="5m",
        kinds=("queue_saturation", "traffic_burst", "retry_storm", "bad_deploy", "upstream_errors",
               "out_of_memory", "gpu_fault"),
    )  # fmt: skip


def _error_rate(section: RulesSection) -> Alert:
    signal = neutral.SLO_ERRORS["5m"].value.where(slo="availability")
    row = section.scale.samples(SAMPLES_IN_A_ROW)
    level = SERVICE.level(section, "ErrorRateThreeInARow", "failed_share", signal)
    return SERVICE.alert(
        section, signal,
        f"{level.over()}\nand\ncount_over_time({signal}[{row}]) >= {SAMPLES_IN_A_ROW}"
        f"{enough(section, 'service')}",
        expr=f"min_over_time({signal}[{row}])", level=level,
        severity="page", hold="0s", keep="5m",
        kinds=("queue_saturation", "traffic_burst", "retry_storm", "bad_deploy", "upstream_errors",
               "rate_limit", "gpu_fault"),
    )  # fmt: skip


def _success(section: RulesSection) -> Alert:
    signal = neutral.SLO_ERRORS["30m"].value.where(slo="availability")
    failures = neutral.SLO_FAILURES["1h"].value.where(slo="availability")
    level = SERVICE.level(section, "SuccessLow", "success_share", signal)
    return SERVICE.alert(
        section, signal,
        f"{level.under()}\nand\n{failures} >= {section.objectives.minimum_failures}",
        expr=f"1 - {signal}", level=level, severity="warning", hold="5m",
        kinds=("rate_limit", "traffic_burst", "bad_deploy", "upstream_errors"),
    )  # fmt: skip


def _rate_limited(section: RulesSection) -> Alert:
    refused = neutral.REJECTED_RATE.value.where(reason="rate_limit")
    arrivals = neutral.STARTED_RATE.value
    level = SERVICE.level(section, "RateLimitShareHigh", "rate_limited_share", arrivals)
    return SERVICE.alert(
        section, refused, level.over() + enough(section, "service"),
        expr=f"sum by (service) ({refused})\n/\n(sum by (service) ({arrivals}) > 0)", level=level,
        severity="warning", hold="5m",
        kinds=("rate_limit", "quota", "retry_storm", "traffic_burst"),
    )  # fmt: skip


def _resent(section: RulesSection) -> Alert:
    return SERVICE.over(
        section, neutral.RESENT_SHARE.value, "resent_share", name="RetryShareHigh",
        then=enough(section, "service"), severity="warning", hold="2m", kinds=("retry_storm",),
    )  # fmt: skip


def _upstream(section: RulesSection) -> Alert:
    return UPSTREAM.over(
        section, neutral.UPSTREAM_MEAN.value, "upstream_seconds", name="UpstreamSlow",
        severity="warning", hold="5m", kinds=("upstream_slow", "network_delay"),
    )  # fmt: skip


def _upstream_errors(section: RulesSection) -> Alert:
    return UPSTREAM.over(
        section, neutral.UPSTREAM_ERROR_SHARE.value, "upstream_error_share", name="UpstreamFailing",
        severity="warning", hold="5m", kinds=("upstream_errors", "network_delay"),
    )  # fmt: skip


def _fallback(section: RulesSection) -> Alert:
    fallen, arrivals = neutral.FALLBACK_RATE.value, neutral.STARTED_RATE.value
    level = SERVICE.level(section, "FallbackShareHigh", "fallback_share", arrivals)
    return SERVICE.alert(
        section, fallen, level.over() + enough(section, "service"),
        expr=f"sum by (service) ({fallen})\n/\n(sum by (service) ({arrivals}) > 0)", level=level,
        severity="warning", hold="5m",
        kinds=("queue_saturation", "traffic_burst", "gpu_fault", "bad_deploy"),
    )  # fmt: skip
