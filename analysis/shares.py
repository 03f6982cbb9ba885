"""How many raw rows each reading of a verdict may take, told by what the cluster counts first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import polars as pl

from analysis.evidence import Window
from analysis.sources.errors import SourceError
from analysis.sources.source import Source

PARTS: Mapping[str, float] = {"spans": 0.4, "spans_before": 0.25, "logs": 0.2, "logs_before": 0.15}
"""Readings, and what share of the rows each may have where all want more than there are."""


class Shares:
    """Divides `rows` among the readings; counted once, when the first of them asks.

    A source that cannot count leaves the shares as they are.
    """

    def __init__(self, documents: Source, window: Window, matched_ns: int, rows: int) -> None:
        self._documents = documents
        self._window = window
        self._matched_ns = matched_ns
        self._rows = rows
        self._lock = threading.Lock()
        self._found: dict[str, int] = {}

    def of(self, reading: str) -> int:
        """The most rows that a reading may take."""
        with self._lock:
            if not self._found:
                self._found = divide(self._rows, self._counts())
        return self._found[reading]

    def _counts(self) -> dict[str, int]:
        window = self._window
        found: dict[str, int] = {}
        for kind in ("spans", "logs"):
            totals = getattr(self._documents, f"{kind.removesuffix('s')}_totals", None)
            if totals is None:
                continue
            for reading, start_ns, end_ns in (
                (kind, window.start_ns, window.end_ns),
                (f"{kind}_before", self._matched_ns, window.start_ns),
            ):
                count = _counted(totals, kind, start_ns, end_ns)
                if count is not None:
                    found[reading] = count
        return found


def _counted(
    totals: Callable[[int, int, int], pl.DataFrame], kind: str, start_ns: int, end_ns: int
) -> int | None:
    if end_ns <= start_ns:
        return 0
    try:
        return int(totals(start_ns, end_ns, end_ns - start_ns)[kind].sum())
    except SourceError:
        return None  # the reading itself will say why


def divide(rows: int, wanted: Mapping[str, int]) -> dict[str, int]:
    """What each reading may take: all that it wants, or its share, and what others leave over.

    A reading whose want is not known wants its share.
    """
    left, open_ = rows, dict(PARTS)
    found: dict[str, int] = {}
    while open_:
        whole = sum(open_.values())
        shares = {reading: int(left * part / whole) for reading, part in open_.items()}
        modest = {name for name in open_ if name in wanted and wanted[name] <= shares[name]}
        for reading in modest or set(open_):
            # A count is a moment old: a little more may have come.
            found[reading] = max(1, shares[reading])
            left -= wanted[reading] if reading in modest else 0
            del open_[reading]
    return found
