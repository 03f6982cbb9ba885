"""Versions that changed, as spans tell it: `service.version` of whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import polars as pl

from analysis.evidence import Change, Window

SOURCE = "service.version"
VERSION = r'"resource\.service\.version": ?"([^"]+)"'
STEPS = 3
"""A version first seen within so many steps of its writer's first span was there before."""


def releases(spans: Iterable[pl.DataFrame], window: Window) -> tuple[Change, ...]:
    """One deploy for each version that a part of the service began to tell inside the window."""
    told = [_told(frame) for frame in spans if {"service", "attributes"} <= set(frame.columns)]
    if not told:
        return ()
    seen = (
        pl.concat(told)
        .group_by("entity", "version")
        .agg(pl.col("ts_ns").min())
        .sort("entity", "ts_ns", "version")
    )
    changes = []
    for (entity,), rows in seen.group_by("entity", maintain_order=True):
        pairs = rows.select("version", "ts_ns").rows()
        first = pairs[0][1]
        for (before, _), (after, since) in pairwise(pairs):
            if since - first > STEPS * window.step_ns:
                changes.append(Change(since, "deploy", str(entity), before, after, SOURCE))
    return tuple(changes)


def merged(*told: Iterable[Change]) -> tuple[Change, ...]:
    """All changes; the same one told by two sources is kept as the first of them tells it."""
    kept: dict[tuple[str, str, str, str], Change] = {}
    alike: list[Change] = []
    for number, source in enumerate(told):
        for change in source:
            key = (change.kind, change.entity, change.before, change.after)
            if number and key in kept:
                continue
            kept.setdefault(key, change)
            alike.append(change)
    return tuple(alike)


def _told(frame: pl.DataFrame) -> pl.DataFrame:
    """entity, version and time of every span that tells its version."""
    pod = pl.col("pod") if "pod" in frame.columns else pl.lit(None, pl.String)
    service = pl.col("service")
    entity = (
        pl.when(service == "gateway")
        .then(pl.lit("gateway"))
        .when((service == "replica") & pod.is_not_null())
        .then(pl.concat_str(pl.lit("replica/"), pod))
        .otherwise(pl.concat_str(pl.lit("upstream/"), service))
    )
    return frame.select(
        entity.alias("entity"),
        pl.col("attributes").cast(pl.String).str.extract(VERSION, 1).alias("version"),
        pl.col("ts_ns").cast(pl.Int64),
    ).drop_nulls()
