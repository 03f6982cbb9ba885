from __future__ import annotations

import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analysis.forecast.config import Capacity, ForecastSection
from analysis.forecast.loads import SECOND, questions, tell
from analysis.forecast.publish import Publisher, publish, serve_forecasts
from analysis.forecast.table import document, text
from analysis.sources.errors import SourceError
from exporters.errors import UsageError
from exporters.exposition import Registry
from exporters.settings import load
from tests.promql_lint import problems

NOW = 1_767_571_200.0 + 10 * 86_400
SECTION = ForecastSection(
    step_seconds=900, history_days=10, ahead_hours=24, capacity=Capacity(requests=140)
)


class Recorded:
    """Ten days of requests by hour of day; no tokens, no priorities."""

    def __init__(self, *, length: int | None = None) -> None:
        self.length = length

    def range(self, query: str, start_ns: int, end_ns: int, step_ns: int) -> pl.DataFrame:
        if "tokens" in query or "priority" in query:
            return pl.DataFrame(schema={"ts_ns": pl.Int64, "value": pl.Float64})
        times = np.arange(start_ns, end_ns + 1, step_ns)[-(self.length or 10_000) :]
        shape = 100 + 50 * np.sin(2 * np.pi * (times / SECOND) / 86_400)
        frame = pl.DataFrame({"ts_ns": times, "value": shape, "service": "chat"})
        return frame.with_columns(model=pl.lit("m")) if "model" in query else frame


class Silent:
    def range(self, query: str, start_ns: int, end_ns: int, step_ns: int) -> pl.DataFrame:
        raise SourceError("Prometheus", "http://p", "cannot be reached", "start it")


def page(told, section=SECTION) -> str:
    registry = Registry()
    publish(registry, told, section)
    return registry.collect_text()


@pytest.mark.parametrize("question", questions(), ids=lambda q: f"{q.load}-{q.part}")
def test_every_question_reads_what_the_catalogue_has(question):
    assert problems(question.query) == []


def test_loads_are_told_whole_and_by_part():
    told = tell(Recorded(), SECTION, NOW)

    assert [(one.service, one.name, one.capacity) for one in told] == [
        ("chat", "requests", 140.0),
        ("chat", "requests/model/m", None),
    ]
    assert told[0].forecast.times[0] == NOW + 900


def test_the_metrics_say_what_is_expected_and_when_capacity_is_crossed():
    said = page(tell(Recorded(), SECTION, NOW))

    crossing = 'busysignal_forecast_crossing_seconds{service="chat",load="requests",bound="upper"}'
    line = next(line for line in said.splitlines() if line.startswith(crossing))
    # 100 + 50 sin(x) reaches 140 after 3.54 h.
    assert 3 * 3600 <= float(line.split()[-1]) <= 4 * 3600
    assert 'busysignal_forecast_capacity{service="chat",load="requests"} 140' in said
    assert 'busysignal_forecast_learnt{service="chat",load="requests/model/m"} 1' in said
    for ahead in ("15m", "1h", "4h", "24h"):
        assert f'_expected{{service="chat",load="requests",ahead="{ahead}"}}' in said


def test_what_is_not_known_is_no_series():
    said = page(tell(Recorded(length=5), SECTION, NOW))

    assert 'busysignal_forecast_learnt{service="chat",load="requests"} 0' in said
    assert "busysignal_forecast_expected{" not in said
    assert "busysignal_forecast_crossing_seconds{" not in said


def test_capacity_that_is_never_crossed_is_no_series():
    section = SECTION.model_copy(update={"capacity": Capacity(requests=10_000)})

    assert "busysignal_forecast_crossing_seconds{" not in page(tell(Recorded(), section, NOW))


def test_no_more_loads_are_told_than_allowed():
    section = SECTION.model_copy(update={"series_limit": 1})

    assert [one.name for one in tell(Recorded(), section, NOW)] == ["requests"]


def test_a_prometheus_that_is_away_is_counted_and_the_old_forecasts_stay():
    registry = Registry()
    Publisher(Recorded(), SECTION, registry).turn()
    publisher = Publisher(Silent(), SECTION, registry)

    assert not publisher.turn()

    assert not publisher.is_fresh()
    said = registry.collect_text()
    assert "busysignal_forecast_errors_total 1" in said
    assert "busysignal_forecast_expected{" in said


def test_a_page_for_people_says_it_in_words():
    told = tell(Recorded(), SECTION, NOW)

    said = text(told, SECTION)

    assert said.splitlines()[0].startswith("chat requests: crosses its capacity of 140 in 3 h")
    assert "90% within" in said
    assert document(told[0])["crossing_seconds"]["expected"] > 3 * 3600
    assert document(told[1])["crossing_seconds"] == {"expected": None, "upper": None}


def test_without_loads_the_next_step_is_said():
    assert text([], SECTION).startswith("no load is known: ")


def test_it_serves_until_it_is_told_to_stop():
    stop, listens, found = threading.Event(), threading.Event(), []

    def announce(url: object) -> None:
        found.append(str(url))
        listens.set()

    section = SECTION.model_copy(update={"port": 0})
    thread = threading.Thread(
        target=serve_forecasts, args=(Recorded(), section),
        kwargs={"announce": announce, "stop": stop},
    )  # fmt: skip
    thread.start()
    assert listens.wait(10)
    url = found[0].split()[-1].removesuffix("/metrics").rstrip("/")
    said, patience = "", time.monotonic() + 60
    while "_expected{" not in said and time.monotonic() < patience:
        with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
            said = answer.read().decode()
        time.sleep(0.05)
    stop.set()
    thread.join(10)

    assert 'busysignal_forecast_expected{service="chat",load="requests",ahead="1h"}' in said
    assert "busysignal_forecast_timestamp_seconds" in said
    assert not thread.is_alive()


def test_hours_that_are_none_are_refused(tmp_path: Path):
    path = tmp_path / "forecast.toml"
    path.write_text("tell_hours = []\n", encoding="utf-8")

    with pytest.raises(UsageError, match="give at least one number of hours, such as 1"):
        load(ForecastSection, path, {})
