"""Recordings of what is missing: targets that do not answer, signals that have no series."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from alerts.model import Recording
from exporters.catalog import (
    levels,
    neutral,
    neutral_gpu,
    neutral_hardware,
    neutral_levels,
    neutral_outside,
    neutral_slo,
    probe,
)
from exporters.catalog.engines import ENGINES
from exporters.catalog.foreign import SCRAPE_SAMPLES, UP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alerts.durations import Scale
    from exporters.catalog.signal import Recorded

TABLES = frozenset(signal for engine in ENGINES for signal in engine.aliases)
"""Signals that engines tell, each under its own name or not at all."""

BY_EVENT = frozenset(
    {
        neutral.REJECTED_RATE,
        neutral.EJECTED,
        *neutral_gpu.SIGNALS,
        *(set(neutral_hardware.SIGNALS) - {neutral_hardware.GPU_THROTTLED}),
        *neutral_outside.SIGNALS,
        *(set(neutral_levels.SIGNALS) - {neutral_levels.RESOURCE_USE}),
        *levels.RECORDED,
        neutral.CACHE_HIT_SHARE,
        neutral.CACHE_ERROR_SHARE,
        neutral.REPLICA_THROTTLED,
        neutral.REPLICA_OOM_KILLS,
        neutral.NODE_IO,
        neutral.REPLICA_MEMORY_LIMIT,
        neutral.UPSTREAM_MEAN,
        neutral.UPSTREAM_ERROR_SHARE,
        neutral.FALLBACK_RATE,
        neutral.LONG_PROMPT_SHARE,
        neutral_slo.BOUND,
        neutral_slo.PERIOD_REQUESTS,  # a service's first hour has no whole tile
        neutral_slo.PERIOD_FAILURES,
        neutral_slo.BUDGET_LEFT,
        neutral_slo.BUDGET_REMAINING,
        neutral.GPU_POWER,
        neutral.GPU_XID_RATE,
    }
)
"""Signals that rightly have no series until something happens, or where no such part exists."""

FROM_REPLICAS = frozenset(
    {
        neutral.RUNNING,
        neutral.KV_CACHE_USAGE,
        neutral.PREEMPTION_RATE,
        neutral.REPLICA_MEMORY,
    }
)
ITSELF = frozenset({neutral.SIGNAL_MISSING, neutral.ENGINE_SIGNAL_MISSING, neutral.TARGET_UP})


def targets() -> tuple[Recording, ...]:
    """1 for every target whose last scrape worked; a scrape that brought nothing did not."""
    labels = ", ".join(neutral.TARGET_UP.labels)
    expr = (
        f"min by ({labels}) ({SCRAPE_SAMPLES.value} > bool 0) == 0\n"
        f"or\nmax by ({labels}) ({UP.value})"
    )
    return (Recording(neutral.TARGET_UP, expr),)


def missing(queries: Iterable[str], scale: Scale) -> tuple[Recording, ...]:
    """1 for every signal read by `queries` that is gone although its targets answer."""
    return tuple(
        Recording(
            neutral.SIGNAL_MISSING,
            f"absent({signal.value})\nand\n{_expected(signal, scale)}",
            {"signal": signal.name},
        )
        for signal in read_by(queries)
        if signal not in BY_EVENT | ITSELF
    )


def read_by(queries: Iterable[str]) -> list[Recorded]:
    """Neutral signals that the queries name, in the catalogue's order."""
    names = {name for query in queries for name in re.findall(r"[a-zA-Z_:][\w:]*", query)}
    return [signal for signal in neutral.SIGNALS if signal.name in names]


def _expected(signal: Recorded, scale: Scale) -> str:
    if signal == neutral.KERNEL_SLOWDOWN:
        return _mostly_idle(scale.window("15m"))
    if signal == neutral.STARTED_RATE:
        return _served()
    job = _job(signal)
    if job is None:
        return f"(sum({neutral.STARTED_RATE.value}) > 0)"
    return _answers(job) + _unless_untold(signal)


def _unless_untold(signal: Recorded) -> str:
    """Where some replica's engine has no name for the signal at all, its absence says nothing."""
    mute = [one.name for one in ENGINES if signal in TABLES and signal not in one.aliases]
    if not mute:
        return ""
    shown = neutral.ENGINE.value.matching(engine="|".join(mute))
    return f"\nunless on ()\ncount({shown})"


def _answers(job: str) -> str:
    return f"(count({neutral.TARGET_UP.value.where(job=job)} == 1) > 0)"


def _mostly_idle(window: str) -> str:
    # A kernel is judged on its idle samples alone: a GPU that is always busy has too few of them.
    idle, contended = (
        f"increase({probe.PROBE_SAMPLES.total.where(state=state)}[{window}])"
        for state in ("idle", "contended")
    )
    up = neutral.TARGET_UP.value.where(job="probe")
    return (
        f"(count(\n  {idle}\n  > ignoring (state)\n  {contended}\n"
        f"  and on (instance)\n  {up} == 1\n) > 0)"
    )


def _served() -> str:
    # A gateway that nobody has called yet counts no arrivals either; ends and tokens prove calls.
    ends, tokens = neutral.OUTCOME_RATE.value, neutral.GENERATED_TOKEN_RATE.value
    return f"(sum({ends}) > 0 or sum({tokens}) > 0)\nand\n{_answers('gateway')}"


def _job(signal: Recorded) -> str | None:
    """The job whose being up means the signal must be there; None where traffic does."""
    if signal in FROM_REPLICAS:
        return "replica"
    level = signal.name.partition(":")[0]
    return level if level in ("gpu", "node") else None
