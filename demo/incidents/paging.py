"""When somebody would have been paged: the first of a few plain rules to hold for long enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.incidents.metering import Floats
from demo.incidents.recording import Series
from demo.incidents.world import STEP
from exporters.catalog import foreign, neutral

HEALTHY_SAMPLES = 20
Bools = NDArray[np.bool_]
Holds = Callable[[Floats, float], Bools]


@dataclass(frozen=True)
class Rule:
    """`holds(values, usual)` for `minutes` on end; `usual` is the median before the onset."""

    alert: str
    signal: str
    minutes: float
    holds: Holds
    where: Mapping[str, str]


def _over(level: float) -> Holds:
    return lambda values, _: values > level


def _times(factor: float) -> Holds:
    return lambda values, usual: values > factor * usual


def _newly(values: Floats, usual: float) -> Bools:
    return values > (0.5 if usual < 0.5 else np.inf)


def _climbed(values: Floats, usual: float) -> Bools:
    return values > usual + 3e9


RULES = (
    Rule("GpuXid", neutral.GPU_XID_RATE.name, 2.0, _over(0.5), {}),
    Rule("TargetDown", foreign.UP.name, 5.0, lambda values, _: values < 0.5, {}),
    Rule("GpuThrottled", neutral.GPU_THROTTLE.name, 5.0, _newly, {}),
    Rule("RateLimitShareHigh", neutral.REJECTED_RATE.name, 5.0, _over(0.15),
         {"reason": "rate_limit"}),
    Rule("ErrorShareHigh", neutral.ERROR_SHARE.name, 4.0, _over(0.05), {}),
    Rule("RetryShareHigh", neutral.RESENT_SHARE.name, 4.0, _over(0.25), {}),
    Rule("LatencyBurnFast", neutral.DURATION_P50.name, 5.0, _times(1.8), {}),
    Rule("LatencyP99High", neutral.DURATION_P99.name, 6.0, _times(1.7), {}),
    Rule("LatencyP99High", neutral.FIRST_TOKEN_P99.name, 6.0, _times(3.0), {}),
    Rule("KVCacheFull", neutral.PREEMPTION_RATE.name, 4.0, _over(0.05), {}),
    Rule("KernelSlow", neutral.KERNEL_SLOWDOWN.name, 6.0, _over(1.3), {}),
    Rule("ReplicaMemoryClimbs", neutral.REPLICA_MEMORY.name, 6.0, _climbed, {}),
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """An alert and the scrape at which it fired."""

    alert: str
    row: int


def first_page(series: list[Series], onset_row: int) -> Page | None:
    """The first page after the onset; ties go to the rule that stands first."""
    found = [
        (row, place, rule.alert)
        for place, rule in enumerate(RULES)
        for one in series
        if one.name == rule.signal and set(rule.where.items()) <= set(one.labels)
        if (row := _fires(rule, one.values, onset_row)) is not None
    ]
    if not found:
        return None
    row, _, alert = min(found)
    return Page(alert, row)


def _fires(rule: Rule, values: Floats, onset_row: int) -> int | None:
    before = values[HEALTHY_SAMPLES:onset_row]
    before = before[np.isfinite(before)]
    usual = float(np.median(before)) if len(before) else 0.0
    with np.errstate(invalid="ignore"):
        true = rule.holds(np.nan_to_num(values, nan=-1.0 if rule.signal != "up" else 1.0), usual)
    needed = int(rule.minutes * 60 / STEP) + 1
    run = 0
    for row in range(onset_row, len(values)):
        run = run + 1 if true[row] else 0
        if run >= needed:
            return row
    return None
