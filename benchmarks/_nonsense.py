"""Evidence that means nothing: healthy services whose series are noise of one sort."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analysis.evidence import SECOND, SERIES_SCHEMA, Alert, Change, Evidence, Window
from analysis.frames import LOG_SCHEMA, SPAN_SCHEMA
from analysis.quantities import QUANTITIES, Quantity

Floats = NDArray[np.float64]
Rng = np.random.Generator
Sort = Callable[[Rng, int], Floats]
"""Draws so many neighbouring values about a level of 1."""

START: Final = 1_700_000_000 * SECOND
STEP: Final = 15 * SECOND
BEFORE, DURING = (60, 90), (30, 60)
OWNERS: Final = {
    "service": ("service/chat",), "replica": ("replica/heron", "replica/stilt", "replica/plover"),
    "upstream": ("upstream/features",), "cache": ("cache/distributed",), "gpu": ("gpu/0", "gpu/1"),
}  # fmt: skip
PARTS: Final = {
    "outcomes": ("ok", "rejected", "error"), "rejected": ("queue_full", "rate_limit"),
    "step_time": ("prefill", "decode"), "phase_time": ("queue", "prefill", "decode"),
}  # fmt: skip
FACTS: Final = {"gpu_xid": 0.0, "oom_kills": 0.0, "gpu_up": 1.0}
"""An XID, a killed process, a device that is gone: one is enough, so none is noise."""
TRACES: Final = 24
PHASES: Final = ("queue", "call", "prefill", "decode")
LINES: Final = ("request {} served in {} ms", "cache miss for {}", "slow client {} after {} ms")


def white(rng: Rng, rows: int) -> Floats:
    """Independent values."""
    return np.asarray(rng.lognormal(0.0, rng.uniform(0.01, 0.5), rows))


def autocorrelated(rng: Rng, rows: int) -> Floats:
    """A level that wanders a little and comes back, as rates over shared samples do."""
    memory, values = rng.uniform(0.3, 0.9), np.zeros(rows)
    steps = rng.normal(0.0, rng.uniform(0.01, 0.2) * np.sqrt(1 - memory**2), rows)
    for row in range(1, rows):
        values[row] = memory * values[row - 1] + steps[row]
    return np.exp(values)


def heavy_tails(rng: Rng, rows: int) -> Floats:
    """Now and then a single value far from the others (Student's t, 2 degrees of freedom)."""
    return np.asarray(np.abs(1.0 + rng.uniform(0.02, 0.3) * rng.standard_t(2, rows)))


def seasonal(rng: Rng, rows: int) -> Floats:
    """A wave with a few periods in health."""
    wave = np.sin(2 * np.pi * (np.arange(rows) / rng.uniform(6, 25) + rng.random()))
    return np.asarray(np.exp(rng.uniform(0.05, 0.5) * wave + rng.normal(0.0, 0.05, rows)))


def counts(rng: Rng, rows: int) -> Floats:
    """Events by the sample: mostly few."""
    mean = 10.0 ** rng.uniform(-1.0, 2.0)
    return np.asarray(rng.poisson(mean, rows) / mean)


def spikes(rng: Rng, rows: int) -> Floats:
    """Nothing, and now and then a single value."""
    return np.where(rng.random(rows) < 0.03, rng.random(rows), 0.0)


def constant(rng: Rng, rows: int) -> Floats:
    """The same value for ever, or nothing for ever."""
    return np.full(rows, rng.choice((0.0, 1.0)))


SORTS: Final[dict[str, Sort]] = {
    sort.__name__: sort
    for sort in (white, autocorrelated, heavy_tails, seasonal, counts, spikes, constant)
}


def noise(sort: Sort, rng: Rng) -> Evidence:
    """One service whose series are noise of this sort, with spans and logs of a calm day."""
    before, during = int(rng.integers(*BEFORE)), int(rng.integers(*DURING))
    times = START + np.arange(before + during) * STEP
    window = Window(START, int(times[before]), int(times[-1]), STEP)
    frames = [
        _frame(owner, quantity.key, part, times, _values(quantity, sort, rng, len(times)))
        for quantity in QUANTITIES
        for owner in OWNERS.get(quantity.owner, (quantity.owner,))
        for part in PARTS.get(quantity.key, ("",))
        if rng.random() < 0.9
    ]
    changed = Change(window.start_ns + STEP, "restart", "replica/heron", "x", "y", "test")
    return Evidence(
        alert=Alert("LatencyP99High", window.end_ns - 4 * STEP, {"service": "chat"}),
        window=window,
        service="chat",
        series=pl.concat(frames),
        spans_before=spans(rng, window.baseline_ns, window.start_ns),
        spans=spans(rng, window.start_ns, window.end_ns),
        logs_before=logs(rng, window.baseline_ns, window.start_ns),
        logs=logs(rng, window.start_ns, window.end_ns),
        changes=(changed,) if rng.random() < 0.3 else (),
        placement={"replica/heron": "gpu/0", "replica/stilt": "gpu/1"},
    )


def _values(quantity: Quantity, sort: Sort, rng: Rng, rows: int) -> Floats:
    if quantity.key in FACTS:
        return np.full(rows, FACTS[quantity.key])
    values = sort(rng, rows)
    if quantity.unit == "ratio":
        return np.clip(values * rng.uniform(0.0, 0.9), 0.0, 1.0)
    return np.asarray(values * 10.0 ** rng.uniform(-3, 3))


def _frame(
    entity: str, quantity: str, part: str, times: NDArray[np.int64], values: Floats
) -> pl.DataFrame:
    return pl.DataFrame(
        {"entity": entity, "quantity": quantity, "part": part, "ts_ns": times, "value": values},
        schema=SERIES_SCHEMA,
    )


def spans(rng: Rng, start: int, end: int) -> pl.DataFrame:
    """Requests of the same lengths at all times: a root, its queue, its call, what that does."""
    rows = []
    for number in range(TRACES):
        at, trace = int(rng.integers(start, end)), f"{start + number:032x}"
        pod = ("heron", "stilt")[number % 2]
        rows.append(_span(trace, "root", None, "request", "server", at, 600, rng, ""))
        rows += [
            _span(trace, name, "call" if name in ("prefill", "decode") else "root", name,
                  "client" if name == "call" else "internal", at, 100, rng,
                  pod if name in ("prefill", "decode") else "")
            for name in PHASES
        ]  # fmt: skip
    return pl.DataFrame(rows, schema=dict(SPAN_SCHEMA))


def _span(
    trace: str, span_id: str, parent: str | None, operation: str, kind: str, at: int,
    milliseconds: float, rng: Rng, pod: str,
) -> dict[str, object]:  # fmt: skip
    length = int(milliseconds * 1e6 * rng.lognormal(0.0, 0.2))
    return {
        **dict.fromkeys(SPAN_SCHEMA), "ts_ns": at, "duration_ns": length, "trace_id": trace,
        "span_id": span_id, "parent_id": parent, "operation": operation, "kind": kind,
        "status": "ok", "service": "chat", "pod": pod, "attributes": "{}", "weight": 1.0,
    }  # fmt: skip


def logs(rng: Rng, start: int, end: int) -> pl.DataFrame:
    """Lines that come at all times alike, a few of them warnings."""
    rows = [
        {**dict.fromkeys(LOG_SCHEMA), "ts_ns": int(rng.integers(start, end)), "attributes": "{}",
         "severity": 13 if number % 3 == 2 else 9, "service": "chat",
         "body": LINES[number % 3].format(rng.integers(1000), rng.integers(1000))}
        for number in range(3 * TRACES)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=dict(LOG_SCHEMA))
