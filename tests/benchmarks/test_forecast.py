from __future__ import annotations

import csv
import json
import random
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks import suites
from benchmarks.suites import autoscaling, forecast, forecast_peers
from benchmarks.suites.forecast_data import cases
from exporters.errors import UsageError
from tests.public_data import unpack

SOME = ("nyc_taxi", "Twitter_volume_AAPL", "occupancy", "grok_asg", "exchange-3")


@pytest.fixture(scope="session")
def nab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    whole = unpack("nab", tmp_path_factory.mktemp("nab"))
    for path in whole.rglob("*.csv"):
        if not path.name.startswith(SOME):
            path.unlink()
    return whole


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("llm_traces", tmp_path_factory.mktemp("traces"))


@pytest.fixture(autouse=True)
def quick_contenders(monkeypatch):
    """The slow peers are the benchmark's; here it is about the score itself."""
    quick = {"ours": forecast_peers.ours, "seasonal_naive": forecast_peers.seasonal_naive}
    monkeypatch.setattr(forecast, "contenders", lambda: quick)


@pytest.fixture(scope="session")
def plain(nab, traces):
    with pytest.MonkeyPatch.context() as patch:
        quick = {"ours": forecast_peers.ours, "seasonal_naive": forecast_peers.seasonal_naive}
        patch.setattr(forecast, "contenders", lambda: quick)
        return {"nab": suites.run("forecast", nab), "traces": suites.run("forecast", traces)}


def test_series_of_days_are_forecast_better_than_by_the_day_before(plain):
    said = plain["nab"].summary

    assert said["mase"] < 0.9 * said["seasonal_naive_mase"]
    assert said["mase_near"] < 0.8 * said["seasonal_naive_mase_near"]
    assert 0.8 <= said["coverage"] <= 0.98


def test_traces_without_a_day_are_forecast_better_than_by_their_last_value(plain):
    said = plain["traces"].summary

    assert said["mase_over_seasonal_naive"] < 1
    assert 0.8 <= said["coverage"] <= 0.99


def test_each_trace_gives_its_requests_and_both_of_its_token_counts(traces):
    found = [case for case in cases(traces) if case.name.startswith("mooncake")]

    assert [case.name.partition(" ")[2] for case in found] == [
        f"{load} 1/{parts}" for parts in (60, 240) for load in ("requests", "load 1", "load 2")
    ]
    assert found[0].series.step == pytest.approx(17, abs=0.1)


def disguised(source: Path, target: Path, *, factor: float = 1.0, shift: int = 0) -> Path:
    """The same data under other names, with columns and rows in another order."""
    chance = random.Random(3)
    for number, path in enumerate(sorted(source.rglob("*.*"))):
        if path.suffix == ".jsonl":
            lines = path.read_text(encoding="utf-8").splitlines()
            chance.shuffle(lines)
            rows = [
                {
                    "c": row["output_length"] * factor,
                    "b": row["timestamp"],
                    "a": row["input_length"] * factor,
                }
                for row in map(json.loads, lines)
            ]
            (target / f"s{number}.jsonl").write_text("\n".join(map(json.dumps, rows)))
        elif path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                _, *table = csv.reader(file)
            chance.shuffle(table)
            with (target / f"s{number}.csv").open("w", encoding="utf-8", newline="") as file:
                rows = [
                    [*(float(cell) * factor for cell in row[:0:-1]), _later(row[0], shift)]
                    for row in table
                ]
                csv.writer(file).writerows([["x"] * len(table[0]), *rows])
    return target


def _later(moment: str, days: int) -> str:
    return str(datetime.fromisoformat(moment[:26]) + timedelta(days=days))


@pytest.mark.parametrize("changes", [{}, {"factor": 1000.0}, {"shift": 700}])
@pytest.mark.parametrize("name", ["nab", "traces"])
def test_the_score_is_the_same_when_the_data_look_otherwise(
    name, changes, nab, traces, plain, tmp_path
):
    source = {"nab": nab, "traces": traces}[name]

    said = suites.run("forecast", disguised(source, tmp_path, **changes))

    assert len(said.cases) == len(plain[name].cases)
    assert said.summary["mase"] == pytest.approx(plain[name].summary["mase"], abs=0.03)
    assert said.summary["coverage"] == pytest.approx(plain[name].summary["coverage"], abs=0.03)


def test_the_summary_has_a_figure_of_every_peer(plain):
    said = plain["nab"].as_dict()["summary"]

    assert {"mase", "coverage", "seconds_per_case", "seasonal_naive_mase",
            "seasonal_naive_coverage", "seasonal_naive_seconds_per_case"} <= set(said)  # fmt: skip


def test_the_seasonal_naive_repeats_the_last_day(nab):
    case = next(case for case in cases(nab) if "nyc_taxi" in case.name)

    said = forecast_peers.seasonal_naive(case.series, 60, 0.9)

    np.testing.assert_array_equal(said.expected[:48], case.series.values[-48:])
    np.testing.assert_array_equal(said.expected[48:], case.series.values[-48:-36])


def test_a_folder_without_series_is_refused(tmp_path):
    (tmp_path / "words.csv").write_text("a,b\nx,y\n", encoding="utf-8")

    with pytest.raises(UsageError, match="no CSV or JSON lines of load over time"):
        suites.run("forecast", tmp_path)


def test_a_forecast_spares_refusals_on_a_day_of_real_requests(traces):
    shape = next(c.series.values for c in cases(traces) if "conv requests 1/240" in c.name)
    rates = autoscaling.days(shape, 0)

    reactive = autoscaling.serve(rates, autoscaling.REACTIVE)
    foreseeing = autoscaling.serve(rates, autoscaling.FORESEEING)
    always = autoscaling.serve(rates, autoscaling.ALWAYS)

    assert foreseeing["rejected_share"] < reactive["rejected_share"]
    assert foreseeing["gpu_hours"] < 0.8 * always["gpu_hours"]


def test_a_fleet_grows_at_once_and_shrinks_slowly():
    fleet = autoscaling.Fleet(autoscaling.REACTIVE, ready=4)

    fleet.scale(0, 12)
    assert (fleet.ready, fleet.count) == (4, 8)
    fleet.serve(autoscaling.START_SECONDS, 0)
    assert fleet.ready == 8
    fleet.scale(400, 3)
    assert fleet.count == 7
    fleet.scale(430, 3)
    assert fleet.count == 7


def test_what_does_not_fit_the_queue_is_refused():
    fleet = autoscaling.Fleet(autoscaling.REACTIVE, ready=1)
    capacity = 500 / 0.7 * autoscaling.STEP_SECONDS

    refused, busy = fleet.serve(0, capacity + 1000)

    assert busy == 1.0
    assert refused == pytest.approx(900)
    assert fleet.queue == pytest.approx(100)
