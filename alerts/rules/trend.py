"""Alerts on what a trend leads to: a queue, a KV cache or a disk that will be full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.rules.subject import DISK, PART
from exporters.catalog import neutral, neutral_levels

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from alerts.model import Alert
    from exporters.catalog.signal import Selector

AHEAD = "15m"


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """The soonest first."""
    return (
        _part(section, "QueueFullSoon", neutral.QUEUE_DEPTH.value, "queue_critical", "2m"),
        _part(section, "KVCacheFullSoon", neutral.KV_CACHE_USAGE.value, "kv_cache", "5m"),
        _disk(section),
    )


def _part(section: RulesSection, name: str, signal: Selector, key: str, hold: str) -> Alert:
    level = PART.level(section, name, key, signal)
    kinds = ("queue_saturation", "traffic_burst", "traffic_mix", "kv_cache_exhaustion")
    return PART.alert(
        section, signal, level.over(), expr=_in(section, signal, "10m", AHEAD), level=level,
        severity="warning", hold=hold, kinds=kinds,
    )  # fmt: skip


def _disk(section: RulesSection) -> Alert:
    signal, hours = neutral_levels.DISK_FREE.value, section.thresholds.disk_full_hours
    return DISK.alert(
        section, signal, "< 0", expr=_in(section, signal, "1h", f"{hours}h"),
        name="DiskFullSoon", severity="warning", hold="30m", values={"hours": str(hours)},
        kinds=("storage_slow", "telemetry_gap"),
    )  # fmt: skip


def _in(section: RulesSection, signal: Selector, back: str, ahead: str) -> str:
    """Where the line through the past leads."""
    scale = section.scale
    return f"predict_linear({signal}[{scale.window(back)}], {int(scale.window_seconds(ahead))})"
