"""Which targets went silent, which processes began anew, which versions changed."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import polars as pl

from analysis.evidence import SECOND, Change, Window
from analysis.sources.gap import Gap

SILENT_STEPS = 3
"""A target is silent when this many samples in a row are missing or 0."""

LATEST = 9e9
"""Seconds since the epoch that fit in nanoseconds: no process began later, or at NaN."""

ON_AND_OFF = 0.2
"""Share of scrapes in the incident that fail where a target answers on and off."""
STEADY = 0.02
"""Share of scrapes that may fail in health."""
FALLS = 2
"""So often at least it must fall silent."""


def clock(ts_ns: int) -> str:
    """Time of day as people read it on a page."""
    return datetime.fromtimestamp(ts_ns / SECOND, tz=UTC).strftime("%H:%M:%S UTC")


def target_name(labels: dict[str, str | None]) -> str:
    """The entity whose metrics a scrape target carries."""
    job = labels.get("job") or ""
    if labels.get("replica"):
        return f"replica/{labels['replica']}"
    if job in ("gateway", "node"):
        return job
    return f"target/{job}" if job else f"target/{labels.get('instance') or 'unnamed'}"


def silent_targets(up: pl.DataFrame, window: Window) -> tuple[Gap, ...]:
    """Targets that are still scraped and have not answered for the last few samples."""
    names = [name for name in ("job", "instance", "replica") if name in up.columns]
    if not up.height or not names:
        return ()
    gaps = []
    for key, rows in up.group_by(names):
        entity = target_name(dict(zip(names, map(_text, key), strict=True)))
        latest = rows.sort("ts_ns").tail(SILENT_STEPS)
        recent = window.end_ns - SILENT_STEPS * window.step_ns
        # A target without recent samples was taken out of service discovery: no silence.
        if latest["ts_ns"][-1] < recent:
            continue
        if (latest["value"] > 0).any():
            gaps += _on_and_off(entity, rows, window)
            continue
        answered = rows.filter(pl.col("value") > 0)["ts_ns"].to_list()
        since = f"since {clock(max(answered))}" if answered else "at all in the window"
        gaps.append(Gap(entity, f"no metrics {since}"))
    return tuple(sorted(set(gaps)))


def _on_and_off(entity: str, up: pl.DataFrame, window: Window) -> list[Gap]:
    """A target that answered every scrape in health and fails many since, again and again.

    One that is away once was restarted.
    """
    failed = up.sort("ts_ns").select("ts_ns", (pl.col("value") <= 0).alias("failed"))
    before = failed.filter(pl.col("ts_ns") < window.start_ns)["failed"]
    since = failed.filter(pl.col("ts_ns") >= window.start_ns)["failed"]
    falls = int((since & ~since.shift(1, fill_value=False)).sum())
    if not before.len() or falls < FALLS or int(before.sum()) > STEADY * before.len():
        return []
    share = int(since.sum()) / since.len()
    return [Gap(entity, f"answered only {1 - share:.0%} of the scrapes")] * (share >= ON_AND_OFF)


def process_starts(starts: pl.DataFrame, window: Window) -> tuple[Change, ...]:
    """Processes of known targets that were restarted inside the window."""
    changes = []
    starts = starts.filter(pl.col("value").is_between(0, LATEST)) if starts.height else starts
    if {"replica", "instance"} <= set(starts.columns):
        # A replica that was rolled over answers at another address, and is the same replica.
        named = pl.col("replica").is_not_null() & (pl.col("replica") != "")
        starts = starts.with_columns(
            pl.when(named).then(pl.lit("")).otherwise(pl.col("instance")).alias("instance")
        )
    names = [name for name in ("job", "instance", "replica") if name in starts.columns]
    if not starts.height or not names:
        return ()
    for key, rows in starts.sort("ts_ns").group_by(names):
        entity = target_name(dict(zip(names, map(_text, key), strict=True)))
        values = rows["value"].unique(maintain_order=True).to_list()
        for before, after in pairwise(values):
            began = int(after * SECOND)
            if window.baseline_ns <= began <= window.end_ns:
                old, new = clock(int(before * SECOND)), clock(began)
                changes.append(Change(began, "restart", entity, old, new, "process_start_time"))
    return tuple(sorted(set(changes)))


def versions(info: pl.DataFrame, window: Window) -> tuple[Change, ...]:
    """Replicas whose version label changed inside the window."""
    if not {"replica", "version"} <= set(info.columns):
        return ()
    changes = []
    for (replica,), rows in info.sort("ts_ns").group_by("replica"):
        seen = rows.group_by("version").agg(pl.col("ts_ns").min()).sort("ts_ns", "version")
        pairs = seen.rows()
        for (before, _), (after, since) in pairwise(pairs):
            entity = f"replica/{replica}"
            changes.append(Change(since, "deploy", entity, before, after, "llm_replica_info"))
    return tuple(sorted(changes))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
