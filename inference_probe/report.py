"""What is known of the kernels of one device after at least one round."""

from __future__ import annotations

from dataclasses import dataclass, field

from inference_probe.kernels.kernel import Bound


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelReport:
    """One kernel so far: seconds per launch, rates at the median, counts since the start.

    Of ratios, `slowdown` is the median of the newest idle samples over the baseline, `contention`
    that of the contended ones, `peak_fraction` the share of the datasheet's peak at the best
    median of the two. None is what is not known, or does not exist.
    """

    kernel: str
    bound: Bound
    p50: float
    p99: float
    flops_per_second: float | None
    bytes_per_second: float | None
    peak_fraction: float | None = None
    baseline: float | None = None
    slowdown: float | None = None
    contention: float | None = None
    is_slow: bool | None = None
    idle: int = 0
    contended: int = 0
    wrong: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """One device so far: its kernels, and what the probe took of it.

    `absent` says by kernel why it does not run; `throttled` counts samples by the reason that held
    the clocks down; `clock_ratio` is the SM clock over its maximum right after a sample.
    """

    kernels: list[KernelReport]
    busy_seconds: float
    duty_ratio: float | None = None
    memory_bytes: int | None = None
    clock_ratio: float | None = None
    throttled: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
