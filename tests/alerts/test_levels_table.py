from __future__ import annotations

import pytest

from alerts import rules
from alerts.config import RulesSection

ALERTS = {alert.name: alert for alert in rules.alerts_in(rules.groups(RulesSection()))}

LEVELS = {
    "success < 99.5 %": ("SuccessLow", "success_share", 0.995, "5m"),
    "P99 > 500 ms for 5 m": ("LatencyP99High", "p99_seconds", 0.5, "5m"),
    "queue > 50 for 2 m": ("QueueDeepWarning", "queue_warning", 50, "2m"),
    "queue > 100": ("QueueDeep", "queue_critical", 100, "1m"),
    "GPU > 90 % for 5 m": ("GpuBusy", "gpu_busy", 0.9, "5m"),
    "GPU under 60 %": ("GpuUnderused", "gpu_healthy_least", 0.6, "30m"),
    "GPU over 80 %": ("GpuAboveHealthy", "gpu_healthy_most", 0.8, "10m"),
    "errors > 5 % in three samples": ("ErrorRateThreeInARow", "failed_share", 0.05, "0s"),
    "utilisation > 80 % for 10 m": ("ResourceUseHigh", "resource_use", 0.8, "10m"),
    "5xx > 5 %": ("ErrorShareHigh", "error_share", 0.05, "2m"),
    "memory > 85 %": ("NodeMemoryHigh", "node_memory", 0.85, "10m"),
    "CPU > 90 %": ("NodeCpuHigh", "node_cpu", 0.9, "10m"),
    "GPU memory > 95 %": ("GpuMemoryFull", "gpu_memory", 0.95, "5m"),
    "fragmentation > 35 %": ("DeviceMemoryFragmented", "memory_fragmentation", 0.35, "10m"),
    "interactive P99 > 200 ms": ("InteractiveP99High", "interactive_p99_seconds", 0.2, "5m"),
    "upstream service > 200 ms": ("UpstreamSlow", "upstream_seconds", 0.2, "5m"),
    "KV cache > 95 %": ("KVCacheFull", "kv_cache", 0.95, "2m"),
    "arrivals x 4": ("ArrivalsJump", "arrivals_growth", 4, "1m"),
    "prompts over 2,048 tokens": ("LongPromptsMany", "long_prompt_share", 0.2, "5m"),
    "first request 4 x the steady state": ("ColdStartSlow", "cold_start_factor", 4, "0s"),
}
"""What people who run such services wake up for: alert, its key in the config, default, `for`."""

PEER_RULES = {
    "collecting fails": "GpuReadingsFailing",
    "readings are stale": "GpuReadingsStale",
    "collecting is slow": "GpuReadingsSlow",
    "a recovery action is asked for": "GpuResetNeeded",
    "a fatal XID": "GpuXid",
    "a contained XID": "GpuXidContained",
    "uncorrected ECC errors": "GpuEccUncorrected",
    "row remapping failed": "GpuReplacementNeeded",
    "row remapping is pending": "GpuResetNeeded",
    "retired pages are pending": "GpuResetNeeded",
    "hardware slows for heat": "GpuThrottledByHeat",
    "software slows for heat": "GpuThrottledByHeat",
    "power brake": "GpuPowerBrake",
    "temperature": "GpuHot",
    "fewer GPUs than before": "GpusMissing",
}
"""The 15 rules of nvidia_gpu_exporter, by what they watch, and ours."""

REASONS_OF_HEAT = ("hw_thermal_slowdown", "sw_thermal_slowdown")


@pytest.mark.parametrize("what", LEVELS)
def test_each_level_has_an_alert_a_key_a_default_and_a_wait(what):
    name, key, default, hold = LEVELS[what]
    level = ALERTS[name].level

    assert level is not None
    assert (level.key, level.default, ALERTS[name].hold) == (key, default, hold)


def test_gpu_levels_are_critical_and_info_as_people_expect():
    assert ALERTS["GpuBusy"].severity == "page"
    assert {ALERTS[name].severity for name in ("GpuUnderused", "GpuAboveHealthy")} == {"info"}


@pytest.mark.parametrize("job", ["etcd", "config", "prometheus"])
def test_a_single_point_has_an_alert(job):
    assert job in ALERTS["SinglePointDown"].expr


@pytest.mark.parametrize("what", PEER_RULES)
def test_what_nvidia_gpu_exporter_watches_has_an_alert(what):
    assert PEER_RULES[what] in ALERTS


@pytest.mark.parametrize("reason", REASONS_OF_HEAT)
def test_heat_is_told_of_by_both_of_its_reasons(reason):
    assert reason in ALERTS["GpuThrottledByHeat"].expr


@pytest.mark.parametrize("xid", [48, 62, 64, 74, 79, 95, 119, 120])
def test_each_fatal_xid_pages(xid):
    assert str(xid) in ALERTS["GpuXid"].expr
    assert ALERTS["GpuXid"].severity == "page"


def test_a_contained_xid_warns():
    assert "94" in ALERTS["GpuXidContained"].expr
    assert ALERTS["GpuXidContained"].severity == "warning"
