"""What every source of spans and logs offers."""

from __future__ import annotations

from typing import Protocol

import polars as pl

from analysis.sources.gap import Gap

LIMIT = 1_000_000
"""Documents read at most in one call, unless the caller says otherwise."""


class Source(Protocol):
    """Canonical spans and logs of [start_ns, end_ns); what could not be read is in `gaps`.

    Gaps bear the source's `name`.

    Raises SourceError when nothing can be read at all.
    """

    name: str
    gaps: list[Gap]

    def spans(self, start_ns: int, end_ns: int, limit: int = LIMIT) -> pl.DataFrame:
        """Return the spans that start in the window, ordered by start."""
        ...

    def logs(self, start_ns: int, end_ns: int, limit: int = LIMIT) -> pl.DataFrame:
        """Return the logs of the window, ordered by time."""
        ...
