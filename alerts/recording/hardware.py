"""Recordings of a GPU's chip, heat, links and readings, and of the kernel probe itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Recording
from alerts.promql import rate
from alerts.recording.device import HARMFUL
from exporters.catalog import gpu, gpu_health, gpu_links, gpu_profiling, neutral, probe
from exporters.catalog import neutral_hardware as hardware

if TYPE_CHECKING:
    from alerts.durations import Scale
    from exporters.catalog.signal import Gauge, Histogram, Recorded, Selector


def chips(scale: Scale) -> tuple[Recording, ...]:
    """How full the SMs are, what holds clocks down, and what a thousand tokens take in energy."""
    return (
        copy(hardware.GPU_SM_OCCUPANCY, gpu_profiling.SM_OCCUPANCY.value),
        Recording(hardware.ENERGY_PER_TOKENS, _energy_per_tokens()),
        Recording(hardware.GPU_THROTTLED, _throttled(scale.window("5m"))),
        Recording(hardware.GPU_MARGIN, _margins()),
    )


def copy(signal: Recorded, selector: Selector, aggregate: str = "max") -> Recording:
    """One raw series under its neutral name and labels."""
    return Recording(signal, f"{aggregate} by ({', '.join(signal.labels)}) ({selector})")


def _energy_per_tokens() -> str:
    tokens = f"sum by (service) ({neutral.GENERATED_TOKEN_RATE.value})"
    service = f"max by (instance, service) ({neutral.TARGET_UP.value.where(job='gpu')})"
    watts = (
        f"sum by (service) (\n  {neutral.GPU_POWER.value}\n"
        f"  * on (instance) group_left (service)\n  {service}\n)"
    )
    return f"1000 * {watts}\n/\n({tokens} > 0)"


def _throttled(window: str) -> str:
    counted = gpu.GPU_THROTTLE_SECONDS.total.matching(reason="|".join(HARMFUL))
    seen = f"avg_over_time({neutral.GPU_THROTTLE.value}[{window}])"
    # The driver's own clock where it has one; else how often a scrape met the reason.
    return f"clamp_max({rate(hardware.GPU_THROTTLED, counted, window)}, 1)\nor\n{seen}"


def _margins() -> str:
    told = f"min by (instance, gpu) ({gpu.GPU_TEMPERATURE_MARGIN.value})"
    core = _below("slowdown", gpu.GPU_TEMPERATURE)
    memory = _below("memory_max", gpu.GPU_MEMORY_TEMPERATURE)
    return f"{_part(f'{told} or {core}', 'core')}\nor\n{_part(memory, 'memory')}"


def _below(limit: str, temperature: Gauge) -> str:
    bound = gpu.GPU_TEMPERATURE_LIMIT.value.where(limit=limit)
    return f"(min by (instance, gpu) ({bound}) - max by (instance, gpu) ({temperature.value}))"


def _part(expr: str, part: str) -> str:
    return f'label_replace({expr}, "part", "{part}", "", "")'


def links(scale: Scale) -> tuple[Recording, ...]:
    """Traffic and errors of PCIe and NVLink, and what became of the fabric."""
    window = scale.window("5m")
    width, widest = gpu_links.PCIE_WIDTH.value, gpu_links.PCIE_WIDTH_MAX.value
    return (
        _traffic(
            hardware.PCIE_BYTES, gpu_links.PCIE_BYTES.total, gpu_profiling.PCIE_BANDWIDTH, window
        ),
        _traffic(
            hardware.NVLINK_BYTES,
            gpu_links.NVLINK_BYTES.total,
            gpu_profiling.NVLINK_BANDWIDTH,
            window,
        ),
        Recording(
            hardware.PCIE_WIDTH,
            f"max by (instance, gpu) ({width})\n/\nmax by (instance, gpu) ({widest})",
        ),
        Recording(hardware.NVLINKS_DOWN, _links_down(scale.window("6h"))),
        Recording(hardware.FABRIC_PROBLEM, _fabric()),
    )


def _rate(signal: Recorded, selector: Selector, window: str) -> Recording:
    return Recording(signal, rate(signal, selector, window))


def _traffic(signal: Recorded, counted: Selector, measured: Gauge, window: str) -> Recording:
    labels = ", ".join(signal.labels)
    return Recording(
        signal, f"{rate(signal, counted, window)}\nor\nmax by ({labels}) ({measured.value})"
    )


def _links_down(back: str) -> str:
    # A link that was never active is one that this board does not use.
    up = gpu_links.NVLINK_UP.value
    return f"count by (instance, gpu) (\n  {up} == 0\n  and\n  max_over_time({up}[{back}]) == 1\n)"


def _fabric() -> str:
    health = gpu_health.FABRIC_HEALTH_STATE.value.matching(health="unhealthy|limited_capacity")
    failed = f"max by (instance, gpu) ({gpu_health.FABRIC_FAILED.value})"
    problem = gpu_health.FABRIC_PROBLEM.value
    return (
        f"max by (instance, gpu, problem) ({problem})\nor\n"
        "max by (instance, gpu, problem) "
        f'(label_replace({health}, "problem", "$1", "health", "(.+)"))\nor\n'
        f'label_replace({failed}, "problem", "registration_failed", "", "")'
    )


def troubles(scale: Scale) -> tuple[Recording, ...]:
    """What the driver told of, mended errors, spare rows that run out."""
    window = scale.window("5m")
    corrected = gpu_health.ECC_ERRORS.total.where(type="corrected", span="volatile")
    short = gpu_health.ROW_BANKS.value.matching(availability="low|none")
    told = f"increase({gpu_health.GPU_EVENTS.total}[{window}])"
    return (
        Recording(hardware.GPU_EVENTS, f"sum by (instance, gpu, event) ({told})"),
        _rate(hardware.GPU_ECC_CORRECTED, corrected, window),
        copy(hardware.ROW_BANKS_SHORT, short, "sum"),
    )


def readings(scale: Scale) -> tuple[Recording, ...]:
    """Whether what the exporter tells is real, whole, fresh and quickly read."""
    window = scale.window("5m")
    lost = gpu.GPU_FAMILY_STATUS.value.matching(status="error|denied")
    return (
        copy(hardware.GPU_SIMULATED, gpu.GPU_INFO.value.where(simulated="true")),
        copy(hardware.READINGS_LOST, lost),
        copy(hardware.READINGS_AGE, gpu.NVML_PASS_AGE.value),
        _rate(hardware.NVML_ERRORS, gpu.NVML_ERRORS.total, window),
        _p99(hardware.NVML_CALL_P99, gpu.NVML_CALL, window),
        _p99(hardware.NVML_PASS_P99, gpu.NVML_SCRAPE, window),
    )


def _p99(signal: Recorded, histogram: Histogram, window: str) -> Recording:
    labels = ", ".join((*signal.labels, "le"))
    buckets = f"sum by ({labels}) (rate({histogram.bucket}[{window}]))"
    return Recording(signal, f"histogram_quantile(0.99, {buckets}) >= 0")


def probes(scale: Scale) -> tuple[Recording, ...]:
    """How near to their peak kernels come, and how the probe itself gets on."""
    window = scale.window("5m")
    return (
        copy(hardware.KERNEL_PEAK, probe.PROBE_PEAK.value),
        copy(hardware.PROBE_DUTY, probe.PROBE_DUTY.value),
        _rate(hardware.PROBE_SAMPLES, probe.PROBE_SAMPLES.total, window),
        _rate(hardware.PROBE_SKIPPED, probe.PROBE_SKIPPED.total, window),
    )
