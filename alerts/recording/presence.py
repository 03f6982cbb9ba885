"""Recordings of what is missing: targets that do not answer, signals that have no series."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from alerts.model import Recording
from exporters.catalog import neutral
from exporters.catalog.foreign import SCRAPE_SAMPLES, UP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporters.catalog.signal import Recorded

BY_EVENT = frozenset(
    {
        neutral.REJECTED_RATE,
        neutral.EJECTED,
        neutral.REPLICA_THROTTLED,
        neutral.UPSTREAM_MEAN,
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
ITSELF = frozenset({neutral.SIGNAL_MISSING, neutral.TARGET_UP})


def targets() -> tuple[Recording, ...]:
    """1 for every target whose last scrape worked; a scrape that brought nothing did not."""
    labels = ", ".join(neutral.TARGET_UP.labels)
    expr = (
        f"min by ({labels}) ({SCRAPE_SAMPLES.value} > bool 0) == 0\n"
        f"or\nmax by ({labels}) ({UP.value})"
    )
    return (Recording(neutral.TARGET_UP, expr),)


def missing(queries: Iterable[str]) -> tuple[Recording, ...]:
    """1 for every signal read by `queries` that is gone although its targets answer."""
    return tuple(
        Recording(
            neutral.SIGNAL_MISSING,
            f"absent({signal.value})\nand\n{_expected(signal)}",
            {"signal": signal.name},
        )
        for signal in read_by(queries)
        if signal not in BY_EVENT | ITSELF
    )


def read_by(queries: Iterable[str]) -> list[Recorded]:
    """Neutral signals that the queries name, in the catalogue's order."""
    names = {name for query in queries for name in re.findall(r"[a-zA-Z_:][\w:]*", query)}
    return [signal for signal in neutral.SIGNALS if signal.name in names]


def _expected(signal: Recorded) -> str:
    job = _job(signal)
    if job is None:
        return f"(sum({neutral.STARTED_RATE.value}) > 0)"
    return f"(count({neutral.TARGET_UP.value.where(job=job)} == 1) > 0)"


def _job(signal: Recorded) -> str | None:
    """The job whose being up means the signal must be there; None where traffic does."""
    if signal == neutral.KERNEL_SLOWDOWN:
        return "probe"
    if signal in FROM_REPLICAS:
        return "replica"
    level = signal.name.partition(":")[0]
    return level if level in ("gpu", "node") else None
