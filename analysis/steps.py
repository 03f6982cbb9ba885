"""The step of a verdict's range queries: whole scrape intervals, so that no sample counts twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from alerts.prometheus_config import JOBS
from analysis.budget import within

PATIENCE = 1.0
"""Seconds to wait for the intervals; a store that scrapes nothing itself answers none."""

Intervals = Callable[[], Mapping[str, int]]


def scrape_step(source: object, step_ns: int, seconds: float) -> int:
    """The least whole number of scrapes that is no shorter than `step_ns`.

    By the longest interval among our own jobs; `step_ns` itself where a source tells none, or not
    within `seconds` (at most PATIENCE).
    """
    asked: Intervals | None = getattr(source, "scrape_intervals", None)
    if asked is None:
        return step_ns
    told = within(min(seconds, PATIENCE), {"": asked}, threads=1).values.get("", {})
    interval = max((told[job] for job in JOBS if job in told), default=0)
    return -(-step_ns // interval) * interval if interval else step_ns
