from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from benchmarks import suites
from benchmarks.suites.nezha import read_spans
from exporters.errors import UsageError
from tests.public_data import unpack

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def nezha(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("nezha_trainticket", tmp_path_factory.mktemp("nezha"))


@pytest.fixture(scope="session")
def plain(nezha):
    return suites.run("nezha", nezha).summary


def test_the_bars_are_met(plain):
    assert plain["as_1"] >= 0.933
    assert plain["as_3"] >= 0.978
    assert plain["ais_1"] >= 0.87
    assert plain["seconds_per_case"] <= 2


def test_the_order_of_lines_changes_nothing(nezha, plain, tmp_path):
    chance = random.Random(3)
    shutil.copytree(nezha, tmp_path / "set")
    for path in (tmp_path / "set").glob("*/*/*_*.csv"):
        if path.parent.name in ("trace", "log"):
            head, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            if all(line.endswith("\n") for line in lines) and path.parent.name == "trace":
                chance.shuffle(lines)
                path.write_text(head + "".join(lines), encoding="utf-8")

    assert suites.run("nezha", tmp_path).summary["as_1"] == plain["as_1"]


def test_without_metrics_traces_and_logs_still_name_most(nezha, plain, tmp_path):
    shutil.copytree(nezha, tmp_path / "set")
    for path in (tmp_path / "set").glob("*/metric/*.csv"):
        path.unlink()

    said = suites.run("nezha", tmp_path).summary

    assert plain["as_1"] > said["as_1"] >= 0.8


def test_files_whose_columns_stand_in_another_order_are_one_table(tmp_path):
    head = ["PodName", "SpanID", "ParentID", "StartTimeUnixNano", "EndTimeUnixNano"]
    head.append("OperationName")
    rows = [["shop-aaaaaaaa11-abcde", "1", "root", "5", "8", "GET"]] * 2
    rows[1] = ["shop-aaaaaaaa11-abcde", "2", "1", "6", "7", "SELECT"]
    for index, row in enumerate(rows):
        step = -1 if index else 1
        lines = [",".join(head[::step]), ",".join(row[::step])]
        (tmp_path / f"{index}.csv").write_text("\n".join(lines) + "\n")

    spans = read_spans(sorted(tmp_path.glob("*.csv")))

    assert spans["entity"].to_list() == ["shop", "shop"]
    assert spans["operation"].to_list() == ["GET", "SELECT"]
    assert spans["duration_ns"].to_list() == [3, 1]


def test_a_folder_without_faults_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no DAY/faults\.json"):
        suites.run("nezha", tmp_path)
