from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from benchmarks import suites
from benchmarks.suites.loghub import accuracy
from exporters.errors import UsageError
from tests.public_data import unpack


@pytest.fixture(scope="session")
def loghub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("loghub2k", tmp_path_factory.mktemp("loghub"))


def test_the_bars_are_met_and_brain_is_behind(loghub):
    said = suites.run("loghub", loghub).summary

    assert said["grouping_accuracy"] >= 0.95
    assert said["brain_grouping_accuracy"] < said["grouping_accuracy"]


def test_other_names_files_and_order_score_the_same(loghub, tmp_path):
    chance = random.Random(2)
    for path in loghub.glob("*/*_structured.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        chance.shuffle(rows)
        target = tmp_path / f"set{len(list(tmp_path.iterdir()))}" / "x_2k.log_structured.csv"
        target.parent.mkdir()
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["EventId", "Content"], extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)

    plain, disguised = (suites.run("loghub", data).summary for data in (loghub, tmp_path))

    assert disguised["grouping_accuracy"] == pytest.approx(plain["grouping_accuracy"], abs=0.001)


def test_accuracy_counts_lines_of_groups_that_are_exactly_right():
    assert accuracy([1, 1, 2, 3], ["a", "a", "b", "b"]) == 0.5


def test_a_folder_without_logs_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no \*_2k\.log_structured\.csv"):
        suites.run("loghub", tmp_path)
