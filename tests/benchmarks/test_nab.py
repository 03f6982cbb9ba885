from __future__ import annotations

import csv
import json
import random
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks import suites
from benchmarks.suites import nab
from benchmarks.suites.nab_peers import PEERS
from benchmarks.suites.nab_score import PROFILES, best, halved, place, probation
from exporters.errors import UsageError
from tests.public_data import unpack

STANDARD = PROFILES["standard"]
WINDOWS = [(400, 499), (800, 899)]
ROWS = 1000


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("nab", tmp_path_factory.mktemp("nab"))


@pytest.fixture(scope="session")
def series(data):
    return list(nab.read(data))


@pytest.fixture(scope="session")
def plain(series):
    return nab.figures([place(nab.ours(one), one.windows) for one in series])


def alarms_at(*rows: int, windows=WINDOWS):
    scores = np.zeros(ROWS)
    scores[list(rows)] = 1.0
    return [place(scores, windows)]


def test_the_bars_are_met(plain):
    assert plain["standard"] >= 70
    assert plain["standard_half"] >= 60


def test_the_score_is_the_same_when_the_data_look_otherwise(series, plain, data, tmp_path):
    disguised = list(nab.read(disguise(data, tmp_path)))

    said = nab.figures([place(nab.ours(one), one.windows) for one in disguised])

    assert len(disguised) == len(series)
    assert said["standard"] == pytest.approx(plain["standard"], abs=3)
    assert said["standard_half"] == pytest.approx(plain["standard_half"], abs=5)


def disguise(source: Path, target: Path) -> Path:
    """The set with other names, units, zero, clock, and order of files and rows."""
    chance = random.Random(3)
    labels = json.loads((source / nab.LABELS).read_text())
    renamed = {}
    for number, name in enumerate(sorted(labels, key=lambda _: chance.random())):
        to = target / "data" / "all" / f"{number}.csv"
        to.parent.mkdir(parents=True, exist_ok=True)
        with (source / "data" / name).open(newline="") as file:
            head, *rows = csv.reader(file)
        chance.shuffle(rows)
        other = [[later(at), repr(float(value) * 1000 - 77_777)] for at, value in rows]
        with to.open("w", newline="") as file:
            csv.writer(file).writerows([head, *other])
        renamed[f"all/{number}.csv"] = [[later(at) for at in window] for window in labels[name]]
    (target / nab.LABELS).write_text(json.dumps(renamed))
    return target


def later(text: str) -> str:
    return (datetime.fromisoformat(text) + timedelta(days=100, hours=5)).isoformat(sep=" ")


def test_a_score_knows_nothing_of_later_rows(series):
    for one in series[::9]:
        cut = one.probation + 700
        changed = one.values.copy()
        changed[cut:] = changed[cut:][::-1] * 3 + 1
        other = nab.Series(one.name, one.times, changed, one.windows)

        assert (nab.ours(other)[:cut] == nab.ours(one)[:cut]).all()


def test_silence_scores_nothing():
    assert best(alarms_at(), STANDARD)[0] == 0.0


def test_an_alarm_at_each_left_edge_is_perfect():
    assert best(alarms_at(400, 800), STANDARD)[0] == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((449, 849), 50 + 50 * 0.8667),  # in the middle
        ((499, 899), 50 + 50 * 0.0253),  # on the last row
        ((400, 450, 499, 800), 100.0),  # a window's later alarms add nothing
        ((300, 400, 800), 100.0 - 100 * 0.11 / 4),  # before any window, the whole cost
        ((400, 500, 800), 100.0 - 100 * 0.11 / 4 * 0.0252),  # just after one, almost none
        ((100, 400, 800), 100.0),  # in probation nothing is scored
        ((400,), 50.0),
    ],
)
def test_places_earn_what_the_paper_says(rows, expected):
    assert best(alarms_at(*rows), STANDARD)[0] == pytest.approx(expected, abs=0.01)


def test_a_miss_costs_more_where_misses_are_dear():
    assert best(alarms_at(400), PROFILES["low_fn"])[0] == pytest.approx(50.0)
    assert best(alarms_at(300, 400), PROFILES["low_fp"])[0] == pytest.approx(50.0 - 22 / 4)


def test_probation_is_a_share_of_the_rows_with_a_cap():
    assert [probation(rows) for rows in (0, 100, 5000, 20_000)] == [0, 15, 750, 750]


def test_one_threshold_holds_for_all_series():
    loud, quiet = np.zeros(ROWS), np.zeros(ROWS)
    loud[[300, 350, 600]], loud[400] = 5.0, 6.0
    quiet[400] = 1.0
    both = [place(loud, WINDOWS[:1]), place(quiet, WINDOWS[:1])]

    assert best(both, STANDARD)[0] == pytest.approx(
        100 - 100 * 0.11 * (1 + 1 + 0.9998) / 4, abs=0.1
    )


def test_a_threshold_fitted_on_one_half_is_judged_on_the_other():
    loud, quiet = np.zeros(ROWS), np.zeros(ROWS)
    loud[400], quiet[400] = 9.0, 1.0
    series = [place(loud, WINDOWS[:1]), place(quiet, WINDOWS[:1])]

    # Fitted on the loud one, the threshold misses the quiet one; the other way it finds both.
    assert best(series, STANDARD)[0] == pytest.approx(100.0)
    assert halved(series, STANDARD) == pytest.approx(50.0)


def test_the_layout_of_the_whole_repository_is_read_too(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "data" / "some").mkdir(parents=True)
    (tmp_path / "data" / "some" / "one.csv").write_text(
        "timestamp,value\n2020-01-01 00:05:00,x\n2020-01-01 00:00:00,1\n"
    )
    windows = {"some/one.csv": [["2020-01-01 00:05:00.000000", "2020-01-01 00:09:00.000000"]],
               "some/absent.csv": []}  # fmt: skip
    (tmp_path / "labels" / nab.LABELS).write_text(json.dumps(windows))

    (one,) = nab.read(tmp_path)

    assert (one.step, one.windows, str(one.values)) == (300.0, [(1, 1)], "[ 1. nan]")


def test_the_peers_know_silence_and_a_wild_value():
    values = np.append(np.random.default_rng(1).normal(size=ROWS), 50.0)
    quiet, wild = values[500:-1], len(values) - 1

    forest_score = PEERS["isolation_forest"](values, 150)[wild]

    assert not PEERS["null"](values, 150).any()
    assert PEERS["windowed_gaussian"](values, 150)[wild] == 1.0
    assert np.mean(PEERS["isolation_forest"](values, 150) <= forest_score) > 0.5
    assert len(PEERS["random"](quiet, 75)) == len(PEERS["periodic"](quiet, 75)) == len(quiet)


def test_a_folder_without_labels_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no combined_windows\.json"):
        suites.run("nab", tmp_path)
