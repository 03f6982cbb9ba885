"""Alerts on what is said of GPUs: readings that fail, are refused, late, slow or simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.promql import number
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
        summary="A GPU is simulated where only real ones should be.",
        says="is answered for by a simulated driver",
        means="None of its figures is real: another libnvidia-ml.so.1 is found before the "
        "driver's. Where this is meant, set `gpu_simulated_accepted`.",
        first=("Look at LD_LIBRARY_PATH and LD_PRELOAD of the exporter.",),
        kinds=("telemetry_gap",),
    )  # fmt: skip


def _stale(section: RulesSection) -> Alert:
    limit = section.thresholds.gpu_readings_stale_seconds
    return GPU.alert(
        section, neutral_hardware.READINGS_AGE.value, f"> {number(limit)}",
        name="GpuReadingsStale", severity="warning", hold="1m",
        summary="A GPU's readings are old.",
        says=f"was last read {{{{ $value | humanizeDuration }}}} ago; {number(limit)} s is the "
        "limit",
        means="A call into the driver hangs, as it does before a device is lost.",
        first=("`nvidia-smi -i N`: does it hang, too?", "Read `dmesg` for XIDs."),
        kinds=("gpu_fault", "telemetry_gap"),
    )  # fmt: skip


def _failing(section: RulesSection) -> Alert:
    return GPU.alert(
        section, neutral_hardware.READINGS_LOST.value.where(status="error"), "== 1",
        name="GpuReadingsFailing", severity="warning", hold="10m",
        summary="A GPU does not answer some of what it is asked.",
        says="fails to tell its {{ $labels.family }}",
        means="These series are missing, and alerts that read them are blind for this device.",
        first=("Read the exporter's log for the call and its error.",),
        kinds=("telemetry_gap", "gpu_fault"),
    )  # fmt: skip


def _denied(section: RulesSection) -> Alert:
    signal = neutral_hardware.READINGS_LOST.value
    accepted = "|".join(section.thresholds.gpu_denied_accepted)
    excused = f"\nunless\n{signal.matching(family=accepted)}" if accepted else ""
    return GPU.alert(
        section, signal.where(status="denied"), f"== 1{excused}",
        name="GpuReadingsDenied", severity="ticket", hold="1h",
        summary="The GPU exporter may not read all it is asked to.",
        says="refuses to tell its {{ $labels.family }}",
        means="The driver wants a privilege for it. Where that is meant, name the family in "
        "`gpu_denied_accepted`.",
        first=("docs/gpu.md says which family wants what.",),
        kinds=("telemetry_gap",),
    )  # fmt: skip


def _errors(section: RulesSection) -> Alert:
    return GPU_EXPORTER.alert(
        section, neutral_hardware.NVML_ERRORS.value, "> 0",
        name="NvmlErrors", severity="warning", hold="10m",
        summary="Calls into the GPU driver fail.",
        says="meets {{ $labels.error }} in {{ $labels.call }}",
        means="The driver answers with errors it gives no good reason for, minute after minute.",
        first=("Read the exporter's log.", "Compare the driver's version with its neighbours'."),
        kinds=("telemetry_gap", "gpu_fault"),
    )  # fmt: skip


def _slow(section: RulesSection) -> Alert:
    limit = section.thresholds.gpu_readings_slow_seconds
    return GPU_EXPORTER.alert(
        section, neutral_hardware.NVML_PASS_P99.value, f"> {number(limit)}",
        name="GpuReadingsSlow", severity="warning", hold="10m",
        summary="Reading the GPUs takes too long.",
        says=f"needs {{{{ $value | humanizeDuration }}}} to read them all; {number(limit)} s is "
        "the limit",
        means="The driver is slow to answer: a device near its end, or others asking it too much.",
        first=("Compare the devices' times of one call on the dashboard.",),
        kinds=("gpu_fault", "telemetry_gap"),
    )  # fmt: skip


def _duty(section: RulesSection) -> Alert:
    limit = section.thresholds.probe_duty
    return PROBED.alert(
        section, neutral_hardware.PROBE_DUTY.value, f"> {number(limit)}",
        name="ProbeOverDuty", severity="ticket", hold="30m",
        summary="The kernel probe takes more of a GPU than it may.",
        says=f"takes {{{{ $value | humanizePercentage }}}} of its time; {limit * 100:g}% is the "
        "limit",
        means="Its kernels became so slow that even its longest rest is too short.",
        first=("See KernelSlow and KernelSlower; ask the probe to pause if they are known.",),
        kinds=("kernel_regression", "gpu_throttle"),
    )  # fmt: skip


def _skipping(section: RulesSection) -> Alert:
    samples = neutral_hardware.PROBE_SAMPLES.value
    return PROBED.alert(
        section, neutral_hardware.PROBE_SKIPPED.value,
        f"> 0\nunless on (instance, device)\nsum by (instance, device) ({samples}) > 0",
        name="ProbeSkipsAll", severity="ticket", hold="1h",
        summary="The kernel probe left out every round.",
        says="measures nothing ({{ $labels.reason }})",
        means="The service or the device was saturated for an hour, so nothing is known of how "
        "fast its kernels are.",
        first=("If GPUs are always full, scale out; or raise the level at which the probe rests.",),
        kinds=("telemetry_gap",),
    )  # fmt: skip
