"""Alerts on what is said of GPUs: readings that fail, are refused, late, slow or simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.rules.subject import GPU, GPU_EXPORTER, PROBED
from exporters.catalog import neutral_hardware

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from alerts.model import Alert


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """What makes other alerts blind or lie."""
    simulated = () if section.thresholds.gpu_simulated_accepted else (_simulated(section),)
    return (
        *simulated,
        _stale(section),
        _failing(section),
        _denied(section),
        _errors(section),
        _slow(section),
        _duty(section),
        _skipping(section),
    )


def _simulated(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_hardware.GPU_SIMULATED.value, "== 1",
        name="GpuSimulated", severity="warning", hold="5m",
        kinds=("telemetry_gap",),
    )  # fmt: skip


def _stale(section: RulesSection) -> Alert:
    return GPU.over(
        section, neutral_hardware.READINGS_AGE.value, "gpu_readings_stale_seconds",
        name="GpuReadingsStale", severity="warning", hold="1m",
        kinds=("gpu_fault", "telemetry_gap"),
    )  # fmt: skip


def _failing(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_hardware.READINGS_LOST.value.where(status="error"), "== 1",
        name="GpuReadingsFailing", severity="warning", hold="10m",
        kinds=("telemetry_gap", "gpu_fault"),
    )  # fmt: skip


def _denied(section: RulesSection) -> Alert:
    signal = neutral_hardware.READINGS_LOST.value
    accepted = "|".join(section.thresholds.gpu_denied_accepted)
    excused = f"\nunless\n{signal.matching(family=accepted)}" if accepted else ""
    return GPU.alert(
        section, signal.where(status="denied"), f"== 1{excused}",
        name="GpuReadingsDenied", severity="ticket", hold="1h",
        kinds=("telemetry_gap",),
    )  # fmt: skip


def _errors(section: RulesSection) -> Alert:
    return GPU_EXPORTER.alert(
        section, neutral_hardware.NVML_ERRORS.value, "> 0",
        name="NvmlErrors", severity="warning", hold="10m",
        kinds=("telemetry_gap", "gpu_fault"),
    )  # fmt: skip


def _slow(section: RulesSection) -> Alert:
    return GPU_EXPORTER.over(
        section, neutral_hardware.NVML_PASS_P99.value, "gpu_readings_slow_seconds",
        name="GpuReadingsSlow", severity="warning", hold="10m",
        kinds=("gpu_fault", "telemetry_gap"),
    )  # fmt: skip


def _duty(section: RulesSection) -> Alert:
    return PROBED.over(
        section, neutral_hardware.PROBE_DUTY.value, "probe_duty",
        name="ProbeOverDuty", severity="ticket", hold="30m",
        kinds=("kernel_regression", "gpu_throttle"),
    )  # fmt: skip


def _skipping(section: RulesSection) -> Alert:
    samples = neutral_hardware.PROBE_SAMPLES.value
    return PROBED.alert(
        section, neutral_hardware.PROBE_SKIPPED.value,
        f"> 0\nunless on (instance, device)\nsum by (instance, device) ({samples}) > 0",
        name="ProbeSkipsAll", severity="ticket", hold="1h",
        kinds=("telemetry_gap",),
    )  # fmt: skip
