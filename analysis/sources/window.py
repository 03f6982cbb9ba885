"""Cut what was read to the window that was asked for, and state what is missing from it."""

from __future__ import annotations

from collections import Counter

import polars as pl

from analysis.sources.gap import Gap


def cut(
    frame: pl.DataFrame, start_ns: int, end_ns: int, *, limit: int, gaps: list[Gap], source: str
) -> pl.DataFrame:
    """Keep [start_ns, end_ns), at most the first `limit` rows."""
    inside = frame.filter(pl.col("ts_ns").is_between(start_ns, end_ns, closed="left"))
    if inside.height > limit:
        gaps.append(Gap(source, f"only the first {limit} of {inside.height} rows were kept"))
    return inside.head(limit)


def state_problems(gaps: list[Gap], source: str, kind: str, problems: Counter[str]) -> None:
    """Turn documents that could not be read into one gap for each reason."""
    for reason, count in sorted(problems.items()):
        gaps.append(Gap(source, f"{count} documents are not {kind}: {reason}"))
