"""The [rules.thresholds] section: where each alert begins, and the defaults."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from exporters.settings import Section

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Factor = Annotated[float, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


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
