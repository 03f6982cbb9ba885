"""Where health ends: an alert that came late must not count the trouble's begin as health."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from analysis.detectors import Floats
from analysis.evidence import Evidence
from analysis.rootcause.symptom import LATENCIES, SHARES

FELT = (*SHARES, *LATENCIES, "queue_depth", "queue_wait")
"""Quantities in which users' trouble shows first."""

LEAST_HEALTH = 8
"""Samples of health that must be left."""
CERTAIN = 1.6
"""Rank CUSUM over which a change of level is taken as real (1.36 is 5 % for white noise)."""
RISE = 1.5


def settle(evidence: Evidence) -> Evidence:
    """Move the start of the incident back to where users' signals rose, never forward."""
    window = evidence.window
    earliest = window.baseline_ns + LEAST_HEALTH * window.step_ns
    rises = sorted(_rises(evidence))
    if not rises:
        return evidence
    start = max(rises[(len(rises) - 1) // 2], earliest)
    if start >= window.start_ns:
        return evidence
    spans = [frame for frame in (evidence.spans_before, evidence.spans) if frame.height]
    both = pl.concat(spans, how="diagonal") if spans else evidence.spans
    healthy = pl.col("ts_ns") < start
    return replace(
        evidence,
        window=replace(window, start_ns=start),
        spans_before=both.filter(healthy) if both.height else both,
        spans=both.filter(~healthy) if both.height else both,
    )


def _rises(evidence: Evidence) -> list[int]:
    """When each of the users' signals rose to stay, ns; those that did not are left out."""
    entities = (f"service/{evidence.service}", "gateway")
    mine = evidence.series.filter(
        pl.col("entity").is_in(entities) & pl.col("quantity").is_in(FELT)
    ).sort("entity", "quantity", "part", "ts_ns")
    found = []
    for _, rows in mine.group_by("entity", "quantity", "part", maintain_order=True):
        row = rise(rows["value"].to_numpy())
        if row is not None:
            found.append(int(rows["ts_ns"][row]))
    return found


def rise(values: Floats) -> int | None:
    """The row from which the level is higher than before, if it is; ranks, so any unit will do."""
    count = len(values)
    if count < 2 * LEAST_HEALTH:
        return None
    order = np.unique(values, return_inverse=True)[1].astype(np.float64)
    spread = float(order.std())
    if spread == 0:
        return None
    cusum = np.cumsum(order - order.mean())[:-1]
    row = int(np.argmin(cusum)) + 1
    before, after = float(np.median(values[:row])), float(np.median(values[row:]))
    certain = -float(cusum[row - 1]) / (spread * count**0.5) > CERTAIN
    return row if certain and after > RISE * before else None
