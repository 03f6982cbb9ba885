"""Alerts on what arrives: sudden growth, long prompts, caches that no longer spare the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.rules.service import enough
from alerts.rules.subject import BACKLOG, CACHE, SERVICE
from exporters.catalog import neutral, neutral_levels

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from alerts.model import Alert


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """What grows, what weighs more, what a cache no longer keeps away, what waits elsewhere."""
    return (
        _growth(section),
        _long_prompts(section),
        _cache_misses(section),
        _cache_errors(section),
        _backlog(section),
    )


def _growth(section: RulesSection) -> Alert:
    return SERVICE.over(
        section, neutral_levels.ARRIVAL_GROWTH.value, "arrivals_growth", name="ArrivalsJump",
        then=enough(section, "service"), severity="warning", hold="1m", keep="5m",
        kinds=("traffic_burst", "retry_storm"),
    )  # fmt: skip


def _long_prompts(section: RulesSection) -> Alert:
    return SERVICE.over(
        section, neutral.LONG_PROMPT_SHARE.value, "long_prompt_share", name="LongPromptsMany",
        then=enough(section, "service"), severity="warning", hold="5m",
        kinds=("traffic_mix", "kv_cache_exhaustion"),
    )  # fmt: skip


def _cache_misses(section: RulesSection) -> Alert:
    signal = neutral.CACHE_HIT_SHARE.value
    level = CACHE.level(section, "CacheHitsLow", "cache_hit_share", signal)
    return CACHE.alert(
        section, signal, level.under() + enough(section, "service"), level=level,
        severity="warning", hold="10m", kinds=("cache_outage", "traffic_mix", "bad_deploy"),
    )  # fmt: skip


def _cache_errors(section: RulesSection) -> Alert:
    return CACHE.over(
        section, neutral.CACHE_ERROR_SHARE.value, "cache_error_share", name="CacheFailing",
        then=enough(section, "service"), severity="warning", hold="2m",
        kinds=("cache_outage", "network_delay"),
    )  # fmt: skip


def _backlog(section: RulesSection) -> Alert:
    return BACKLOG.over(
        section, neutral_levels.BACKLOG_AGE.value, "backlog_seconds", name="BacklogOld",
        severity="warning", hold="5m", kinds=("queue_saturation", "traffic_burst"),
    )  # fmt: skip
