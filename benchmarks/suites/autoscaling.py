"""autoscaling: a day of real requests against the autoscaling policy, with and without forecast.

Layout: traces of requests as in `forecast`. No trace is a day long, so that an hour's fine shape is
laid over a made curve of days and weeks: fourteen days to learn from, and one to serve.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from alerts.autoscaling import AutoscalingSection, should_scale
from analysis.forecast.model import forecast
from analysis.forecast.series import Floats, Series
from benchmarks.suites.forecast_data import cases
from benchmarks.suites.result import NoLayoutError, Result

STEP_SECONDS: Final = 15
DAY_STEPS: Final = 86_400 // STEP_SECONDS
RATE_STEPS: Final = 300 // STEP_SECONDS
LEARNT_DAYS: Final = 14
AHEAD_STEPS: Final = 3
"""Of five minutes: what is asked for is the load in a quarter of an hour."""
START_SECONDS: Final = 300
"""From the decision to the first request served: a node, an image, weights into memory."""
PEAK_REPLICAS: Final = 12
DAYS: Final = 3
TARGET_LOAD: Final = 0.7
REACTIVE = AutoscalingSection(cpu_percent=None, forecast_ahead=None)
FORESEEING = AutoscalingSection(cpu_percent=None)
ALWAYS = AutoscalingSection(cpu_percent=None, forecast_ahead=None, replicas_min=20)
POLICIES: Final[Mapping[str, AutoscalingSection]] = {
    "reactive": REACTIVE,
    "forecast": FORESEEING,
    "always_most": ALWAYS,
}


def run(data: Path) -> Result:
    """Serve simulated days of every trace below `data` under each policy."""
    shapes = dict(_shapes(data))
    if not shapes:
        raise NoLayoutError(f"no trace of requests below {data}")
    found = []
    for name, shape in shapes.items():
        for seed in range(DAYS):
            rates = days(shape, seed)
            for policy, section in POLICIES.items():
                found.append({"id": f"{name} day {seed + 1}", "policy": policy,
                              **serve(rates, section)})  # fmt: skip
    return Result("autoscaling", summary(found), found,
                  columns=("id", "policy", "rejected_share", "gpu_hours", "changes"))  # fmt: skip


def _shapes(data: Path) -> Iterator[tuple[str, Floats]]:
    for case in cases(data):
        if case.name.endswith("requests 1/240"):
            yield case.name.removesuffix(" requests 1/240"), case.series.values


def days(shape: Floats, seed: int) -> Floats:
    """Requests a second, every 15 s of fifteen days: the trace's hour on a curve of days.

    The hour is played from a new place in each hour, so that no hour is like another.
    """
    chance = np.random.default_rng(seed)
    steps = np.arange((LEARNT_DAYS + 1) * DAY_STEPS)
    hour = steps * STEP_SECONDS / 3600 % 24
    weekend = (steps // DAY_STEPS) % 7 >= 5
    # Offices: a steep morning, a dip at noon, an evening at home.
    curve = (
        0.15
        + 0.85 / (1 + np.exp(-3 * (hour - 8.5))) / (1 + np.exp(1.2 * (hour - 18.5)))
        + 0.3 * np.exp(-(((hour - 21) / 1.5) ** 2))
        - 0.12 * np.exp(-(((hour - 12.5) / 0.6) ** 2))
        # Jobs by the clock: nothing announces them but the days before.
        + 0.5 * ((hour >= 9) & (hour < 10.5))
        + 0.4 * ((hour >= 14) & (hour < 15))
    )
    curve = np.where(weekend, 0.5 * curve, curve)
    daily = chance.normal(1, 0.07, LEARNT_DAYS + 1).clip(0.7, 1.3)[steps // DAY_STEPS]
    in_hour = 3600 // STEP_SECONDS
    begins = chance.integers(0, len(shape), len(steps) // in_hour + 1)
    fine = shape[(begins[steps // in_hour] + steps % in_hour) % len(shape)] / shape.mean()
    wanted = FORESEEING.requests_per_second or 1.0
    # The bursts of one small service; a large one adds many of them up.
    calmed = 1 + (fine - 1) / 2
    return np.asarray(PEAK_REPLICAS * wanted * curve * daily * calmed, dtype=np.float64)


@dataclass
class Fleet:
    """Replicas that run and that start, and the queue before them."""

    section: AutoscalingSection
    ready: int
    starting: list[float] = field(default_factory=list)
    queue: float = 0.0
    asked: list[tuple[float, int]] = field(default_factory=list)
    downed: float = -1e9
    changes: int = 0

    @property
    def count(self) -> int:
        """All that cost: running and starting."""
        return self.ready + len(self.starting)

    def serve(self, now: float, arrived: float) -> tuple[float, float]:
        """One step: what was refused, and the share of the capacity in use."""
        self.ready += sum(at <= now for at in self.starting)
        self.starting = [at for at in self.starting if at > now]
        target = self.section.requests_per_second or 1.0
        capacity = self.ready * target / TARGET_LOAD * STEP_SECONDS
        waiting = self.queue + arrived
        served = min(waiting, capacity)
        limit = 2 * self.ready * (self.section.queue or 1.0)
        self.queue = min(waiting - served, limit)
        return waiting - served - self.queue, served / capacity

    def scale(self, now: float, wanted: int) -> None:
        """Move towards what is wanted at the pace that the manifests allow."""
        pace = self.section.pace
        self.asked = [one for one in self.asked if one[0] > now - pace.down_wait_seconds]
        self.asked.append((now, wanted))
        count = self.count
        if wanted > count:
            step = max(pace.up_replicas, count * pace.up_percent // 100)
            added = min(wanted - count, step)
            self.starting += [now + START_SECONDS] * added
            self.changes += 1
        lower = max(want for _, want in self.asked) < count
        if lower and now - self.downed >= pace.down_period_seconds:
            self._end(pace.down_replicas)
            self.downed = now
            self.changes += 1

    def _end(self, number: int) -> None:
        for _ in range(number):
            if self.starting:
                self.starting.pop()
            else:
                self.ready -= 1


def serve(rates: Floats, section: AutoscalingSection) -> dict[str, Any]:
    """Serve the last of the days; the days before are what the forecast learns from."""
    first = LEARNT_DAYS * DAY_STEPS
    fleet = Fleet(section, ready=section.replicas_min)
    refused = gpu_seconds = 0.0
    values: dict[str, float] = {}
    for step in range(first, first + DAY_STEPS):
        now = (step - first) * STEP_SECONDS
        lost, busy = fleet.serve(now, rates[step] * STEP_SECONDS)
        refused += lost
        gpu_seconds += fleet.count * STEP_SECONDS
        # A rule's rate looks back five minutes.
        values |= {
            "requests": float(rates[step - RATE_STEPS + 1 : step + 1].mean()),
            "gpu": 100 * busy,
            "queue": fleet.queue,
        }
        if section.forecast_ahead and step % RATE_STEPS == 0:
            values["forecast"] = foreseen(rates, step)
        fleet.scale(now, should_scale(section, fleet.count, values).replicas)
    arrived = rates[first:].sum() * STEP_SECONDS
    return {
        "rejected_share": float(refused / arrived),
        "gpu_hours": gpu_seconds / 3600,
        "changes": fleet.changes,
    }


def foreseen(rates: Floats, step: int) -> float:
    """Expected requests a second in a quarter of an hour, from all up to and without `step`."""
    known = rates[step % RATE_STEPS : step].reshape(-1, RATE_STEPS).mean(axis=1)
    return float(forecast(Series(0.0, 300.0, known), AHEAD_STEPS).expected[-1])


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Means of each policy, and what the forecast saves of the refusals that replicas can avoid."""
    means = {
        f"{policy}_{key}": float(np.mean([c[key] for c in found if c["policy"] == policy]))
        for policy in POLICIES
        for key in ("rejected_share", "gpu_hours")
    }
    unavoidable = means["always_most_rejected_share"]
    before = max(means["reactive_rejected_share"] - unavoidable, 1e-12)
    return {
        **means,
        "avoidable_saved": 1 - (means["forecast_rejected_share"] - unavoidable) / before,
        "gpu_hours_added": means["forecast_gpu_hours"] / means["reactive_gpu_hours"] - 1,
        "gpu_hours_saved_over_always_most": 1
        - means["forecast_gpu_hours"] / means["always_most_gpu_hours"],
    }
