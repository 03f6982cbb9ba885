"""The [rules] section: thresholds, service levels, receivers and how fast time runs."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from alerts.durations import Scale
from alerts.messages import Languages
from alerts.teams import NotifySection
from exporters.catalog.goodput import GOOD
from exporters.catalog.requests import INTER_TOKEN_LATENCY, REQUEST_DURATION, TIME_TO_FIRST_TOKEN
from exporters.catalog.signal import Histogram
from exporters.settings import HttpUrl, Section

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Factor = Annotated[float, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Target = Annotated[Decimal, Field(gt=0, lt=1)]


class DeviceThresholds(Section):
    """Where alerts on GPUs, their links and their readings begin."""

    gpu_busy: Share = 0.9
    gpu_healthy_least: Share = 0.6
    gpu_healthy_most: Share = 0.8
    gpu_memory: Share = 0.95
    gpu_power_watts: Positive = 450
    memory_fragmentation: Share = 0.35
    gpu_throttled_share: Share = 0.5
    gpu_thermal_share: Share = 0.1
    gpu_power_brake_share: Share = 0.1
    gpu_temperature_margin: Annotated[float, Field(ge=0, le=100)] = 5
    pcie_replays_per_minute: Positive = 8
    gpu_readings_stale_seconds: Positive = 60
    gpu_readings_slow_seconds: Positive = 1
    gpu_denied_accepted: tuple[Name, ...] = ("sram_threshold",)
    gpu_simulated_accepted: bool = False
    kernel_slowdown: Factor = 1.5
    probe_duty: Share = 0.002


class OutsideThresholds(Section):
    """Where alerts on what the canary and the callers see begin."""

    canary_first_token_seconds: Positive = 1
    certificate_days: Count = 14
    client_retry_share: Share = 0.2
    client_give_up_share: Share = 0.05


class ForecastThresholds(Section):
    """Where alerts on what is to come begin."""

    capacity_crossed_hours: Annotated[int, Field(ge=1, le=24)] = 4
    forecast_stale_seconds: Positive = 1800


class Thresholds(DeviceThresholds, OutsideThresholds, ForecastThresholds):
    """Where each alert begins; the defaults are what people who run such services use."""

    p99_seconds: Positive = 0.5
    interactive_p99_seconds: Positive = 0.2
    queue_warning: Count = 50
    queue_critical: Count = 100
    error_share: Share = 0.05
    failed_share: Share = 0.05
    rate_limited_share: Share = 0.05
    resent_share: Share = 0.2
    success_share: Share = 0.995
    upstream_seconds: Positive = 0.2
    upstream_error_share: Share = 0.05
    fallback_share: Share = 0.05
    arrivals_growth: Factor = 4
    long_prompt_share: Share = 0.2
    cache_hit_share: Share = 0.5
    cache_error_share: Share = 0.05
    backlog_seconds: Positive = 60
    kv_cache: Share = 0.95
    preemptions_per_second: Positive = 1
    cold_start_factor: Factor = 4
    hot_spot_factor: Factor = 2
    replica_throttled_share: Share = 0.25
    node_memory: Share = 0.85
    node_cpu: Share = 0.9
    resource_use: Share = 0.8
    io_waiting_growth: Factor = 3.2
    verdict_backlog: Count = 5
    memory_full_hours: Annotated[int, Field(ge=1, le=48)] = 6
    disk_full_hours: Annotated[int, Field(ge=1, le=168)] = 4
    budget_gone_hours: Annotated[int, Field(ge=1, le=72)] = 4
    minimum_requests: Count = 5


def _bucket_of(histogram: Histogram) -> AfterValidator:
    def is_a_bucket(bound: float) -> float:
        if bound not in histogram.buckets:
            near = sorted(sorted(histogram.buckets, key=lambda bucket: abs(bucket - bound))[:2])
            nearest = " and ".join(f"{bucket:g}" for bucket in near)
            raise ValueError(f"no bucket of {histogram.name}; the nearest are {nearest}")
        return bound

    return AfterValidator(is_a_bucket)


class AvailabilityObjective(Section):
    """Share of requests that must be answered; those whose client hung up do not count."""

    target: Target = Decimal("0.995")


class LatencyObjective(Section):
    """Share of good answers that must be done within `bound_seconds`, a bucket of the exporter."""

    bound_seconds: Annotated[float, _bucket_of(REQUEST_DURATION)] = GOOD.duration
    target: Target = Decimal("0.99")


class FirstTokenObjective(Section):
    """Share of streamed answers that must begin within `bound_seconds`."""

    bound_seconds: Annotated[float, _bucket_of(TIME_TO_FIRST_TOKEN)] = GOOD.first_token
    target: Target = Decimal("0.99")


class InterTokenObjective(Section):
    """Share of gaps between tokens that must be no longer than `bound_seconds`."""

    bound_seconds: Annotated[float, _bucket_of(INTER_TOKEN_LATENCY)] = GOOD.inter_token
    target: Target = Decimal("0.99")


class GoodputObjective(Section):
    """Share of requests that must keep all of the others at once, as the service counts them."""

    target: Target = Decimal("0.98")


class Objectives(Section):
    """The service levels, and how many failures in a long window are worth waking someone."""

    availability: AvailabilityObjective = AvailabilityObjective()
    latency: LatencyObjective = LatencyObjective()
    first_token: FirstTokenObjective = FirstTokenObjective()
    inter_token: InterTokenObjective = InterTokenObjective()
    goodput: GoodputObjective = GoodputObjective()
    minimum_failures: Annotated[int, Field(ge=2)] = 3


class Override(Section):
    """Another level of one alert, for one entity: `chat`, `chat/llama`, `n1:9400/0`."""

    alert: str
    entity: str = ""
    value: float


class Receivers(Section):
    """Where Alertmanager sends what; without an address a receiver takes alerts silently."""

    pager_url: str = "http://127.0.0.1:9600/page"
    watch_url: str = "http://127.0.0.1:9450/alerts"
    quiet_url: str | None = None
    deadman_url: str | None = None
    pager_token_file: Path | None = None
    watch_token_file: Path | None = None

    @field_validator("pager_url", "watch_url", "quiet_url", "deadman_url")
    @classmethod
    def _is_http(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("an address begins with http:// or https://")
        return url


class AlertmanagerSection(Section):
    """The config section [alertmanager]: where it answers."""

    url: HttpUrl = "http://127.0.0.1:9093"


class RulesSection(Section):
    """Everything the rendered rules depend on."""

    language: Languages = "en"
    time_scale: Annotated[float, Field(ge=1, le=3600)] = 1.0
    scrape_interval_seconds: Annotated[float, Field(gt=0, le=300)] = 15.0
    thresholds: Thresholds = Thresholds()
    overrides: tuple[Override, ...] = ()
    interactive_priority: Literal["vip", "normal", "batch"] = "vip"
    objectives: Objectives = Objectives()
    receivers: Receivers = Receivers()
    notify: NotifySection = NotifySection()
    runbook_base_url: str = "docs/runbooks"
    dashboard_base_url: str = "http://127.0.0.1:3000"

    @property
    def scale(self) -> Scale:
        """The scale that every duration of the rules goes through."""
        return Scale(Fraction(str(self.time_scale)), Fraction(str(self.scrape_interval_seconds)))
