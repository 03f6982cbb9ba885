"""A verdict's queries step by whole scrapes."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event

import polars as pl
import pytest

from analysis.collect import Sources, collect
from analysis.config import AnalysisSection
from analysis.evidence import SECOND, Alert
from analysis.sources.errors import SourceError
from analysis.steps import scrape_step

ALERT = Alert("BusySignalSlow", starts_ns=1_795_428_000 * SECOND, labels={"service": "gateway"})


class Store:
    """Answers every range with nothing, and notes the steps that were asked."""

    name = "prometheus"

    def __init__(self, intervals: Mapping[str, int]) -> None:
        self.gaps: list[object] = []
        self.steps: set[int] = set()
        self._intervals = intervals

    def scrape_intervals(self) -> Mapping[str, int]:
        return self._intervals

    def range(self, query: str, start_ns: int, end_ns: int, step_ns: int) -> pl.DataFrame:
        self.steps.add(step_ns)
        return pl.DataFrame()


class Refusing(Store):
    def scrape_intervals(self) -> Mapping[str, int]:
        raise SourceError("Prometheus", "http://x", "has no targets", "none")


class Hanging(Store):
    released = Event()

    def scrape_intervals(self) -> Mapping[str, int]:
        self.released.wait(30)
        return self._intervals


@pytest.mark.parametrize(
    ("intervals", "step"),
    [
        ({"gateway": 30, "replica": 15}, 30),
        ({"gateway": 10}, 20),
        ({"gateway": 1, "somebody-else": 60}, 15),
        ({"somebody-else": 60}, 15),
        ({}, 15),
    ],
)
def test_the_step_is_whole_scrapes_and_no_shorter_than_asked(intervals: dict[str, int], step: int):
    store = Store({job: each * SECOND for job, each in intervals.items()})

    evidence = collect(Sources(metrics=store), AnalysisSection(), ALERT)

    assert {step * SECOND} == store.steps
    assert step * SECOND == evidence.window.step_ns
    assert 0 == evidence.window.start_ns % (step * SECOND)


def test_a_store_that_refuses_to_tell_its_intervals_is_asked_at_the_step_of_the_config():
    assert 15 * SECOND == scrape_step(Refusing({}), 15 * SECOND, 5)


def test_a_store_that_does_not_answer_in_time_is_asked_at_the_step_of_the_config():
    store = Hanging({"gateway": 60 * SECOND})
    try:
        assert 15 * SECOND == scrape_step(store, 15 * SECOND, 0.05)
    finally:
        store.released.set()
