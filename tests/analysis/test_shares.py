from __future__ import annotations

import threading

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.collect import Sources, collect
from analysis.frames import LOG_SCHEMA, SPAN_SCHEMA
from analysis.shares import PARTS, divide
from analysis.sources import Gap, SourceError
from tests.analysis.test_collect import ALERT, NOW, SECTION

COUNTS = st.dictionaries(st.sampled_from(sorted(PARTS)), st.integers(0, 10**7))


class Counting:
    """A store that counts first, and notes how many rows it was asked for."""

    def __init__(self, spans: int, logs: int) -> None:
        self.name = "counting"
        self.gaps: list[Gap] = []
        self.counts = {"spans": spans, "logs": logs}
        self.asked: dict[tuple[str, int], int] = {}
        self.counted = 0
        self._lock = threading.Lock()

    def _totals(self, kind: str) -> pl.DataFrame:
        self.counted += 1
        if self.counts[kind] < 0:
            raise SourceError("a store", "http://s", "cannot be summed", "index it")
        return pl.DataFrame({kind: [self.counts[kind]]})

    def span_totals(self, *_: int) -> pl.DataFrame:
        return self._totals("spans")

    def log_totals(self, *_: int) -> pl.DataFrame:
        return self._totals("logs")

    def spans(self, start_ns: int, end_ns: int, limit: int) -> pl.DataFrame:
        with self._lock:
            self.asked["spans", start_ns] = limit
        return pl.DataFrame(schema=dict(SPAN_SCHEMA))

    def logs(self, start_ns: int, end_ns: int, limit: int) -> pl.DataFrame:
        with self._lock:
            self.asked["logs", start_ns] = limit
        return pl.DataFrame(schema=dict(LOG_SCHEMA))


@pytest.mark.parametrize("counts", [(10**6, 10**6), (10**6, 100), (100, 10**6), (-1, -1)])
def test_a_verdict_takes_no_more_raw_rows_than_it_may(counts: tuple[int, int]):
    store = Counting(*counts)
    collect(Sources(documents=store), SECTION, ALERT, now_ns=NOW)

    assert 4 == len(store.asked)
    assert 4 == store.counted, "the cluster is asked once, whoever asks first"
    taken = sum(
        limit if store.counts[kind] < 0 else min(limit, store.counts[kind])
        for (kind, _), limit in store.asked.items()
    )
    assert 0.99 * min(SECTION.span_limit, 2 * sum(counts)) <= taken <= SECTION.span_limit


def test_what_is_all_there_is_is_read_whole():
    store = Counting(40_000, 100)
    collect(Sources(documents=store), SECTION, ALERT, now_ns=NOW)

    assert all(limit >= store.counts[kind] for (kind, _), limit in store.asked.items())


@given(rows=st.integers(100, 10**6), wanted=COUNTS)
def test_rows_are_divided_without_remainder_and_without_debt(rows: int, wanted: dict[str, int]):
    found = divide(rows, wanted)

    assert PARTS.keys() == found.keys()
    taken = sum(min(limit, wanted.get(name, rows)) for name, limit in found.items())
    assert taken <= rows + len(PARTS)
    if sum(wanted.get(name, rows) for name in PARTS) <= rows:
        assert all(found[name] >= wanted[name] for name in PARTS)
