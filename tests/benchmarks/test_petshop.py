from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import suites
from benchmarks.suites.petshop import read_metrics
from exporters.errors import UsageError
from tests.public_data import unpack

Table = list[list[str]]
SHIFT_SECONDS = 8 * 3600


@pytest.fixture(scope="session")
def petshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("petshop", tmp_path_factory.mktemp("petshop"))


@pytest.fixture(scope="session")
def plain(petshop):
    return suites.run("petshop", petshop).summary


def test_the_bars_are_met(plain):
    assert plain["top_1"] >= 0.86
    assert plain["top_3"] >= 0.97
    assert plain["seconds_per_case"] <= 0.1
    assert plain["false_causes"] <= 0.05


def test_every_peer_is_behind(plain):
    peers = ("correlation", "traversal", "regression", "sigmas", "random_walk")

    assert all(plain[f"{peer}_top_1"] < plain["top_1"] for peer in peers)
    assert all(plain[f"{peer}_top_1"] > plain["chance_top_1"] for peer in peers)


def alias(text: str) -> str:
    return f"n{random.Random(text).getrandbits(48):x}"


def in_other_units(column: list[str], cell: str) -> str:
    scaled = column[1] != "requests" and cell
    return repr(float(cell) * 1000) if scaled else cell


def with_holes(column: list[str], cell: str) -> str:
    return "" if random.Random(f"{column}{cell}").random() < 0.1 else cell


def unchanged(column: list[str], cell: str) -> str:
    return cell


def disguise(
    source: Path,
    target: Path,
    *,
    named: Callable[[str], str] = str,
    cell: Callable[[list[str], str], str] = unchanged,
    seed: int = 0,
    shift: float = 0,
) -> Path:
    """Copy the set with other names, cells, order of columns and rows, and another clock."""
    for path in sorted(source.rglob("*.*")):
        to = target / path.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        if path.name == "metrics.csv":
            _write(to, _metrics(_table(path), named, cell, random.Random(seed), shift))
        elif path.name == "graph.csv":
            _write(to, [[named(c) if i * j == 0 and c else c for j, c in enumerate(row)]
                        for i, row in enumerate(_table(path))])  # fmt: skip
        elif path.name == "target.json":
            said = json.loads(path.read_text())
            said["target"]["node"] = named(said["target"]["node"])
            said["target"]["timestamp"] += shift
            said["root_cause"]["node"] = named(said["root_cause"]["node"])
            to.write_text(json.dumps(said))
    return target


def _metrics(
    table: Table,
    named: Callable[[str], str],
    cell: Callable[[list[str], str], str],
    chance: random.Random,
    shift: float,
) -> Table:
    order = list(range(1, len(table[0])))
    chance.shuffle(order)
    rows = [row for row in table[3:] if row[1:] and any(row[1:])]
    chance.shuffle(rows)
    columns = {index: [row[index] for row in table[:3]] for index in order}
    return [
        [table[0][0], *(named(table[0][index]) for index in order)],
        *([row[0], *(row[index] for index in order)] for row in table[1:3]),
        *(
            [str(float(row[0]) + shift), *(cell(columns[index], row[index]) for index in order)]
            for row in rows
        ),
    ]


def _table(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _write(path: Path, table: Table) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(table)


DISGUISES = {
    "names": {"named": alias},
    "units": {"cell": in_other_units},
    "order": {"seed": 7},
    "time zone": {"shift": SHIFT_SECONDS},
    "holes": {"cell": with_holes},
}


@pytest.mark.parametrize("changed", DISGUISES)
def test_the_score_is_the_same_when_the_data_look_otherwise(petshop, plain, tmp_path, changed):
    disguised = disguise(petshop, tmp_path, **DISGUISES[changed])

    said = suites.run("petshop", disguised).summary

    assert said["top_1"] >= plain["top_1"] - (0.08 if changed == "holes" else 0.03)


def test_without_counts_of_calls_it_still_beats_the_best_peer_at_three(petshop, plain, tmp_path):
    def dropped(column: list[str], cell: str) -> str:
        return "" if column[1] == "requests" else cell

    said = suites.run("petshop", disguise(petshop, tmp_path, cell=dropped)).summary

    assert said["top_3"] >= plain["correlation_top_3"]


def test_what_is_no_number_is_a_gap(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("name,a\nmetric,latency\nstatistic,Average\nunix_timestamp,\n2.0,oops\n1.0,5\n")

    metrics = read_metrics(path)

    assert list(metrics.times) == [1.0, 2.0]
    assert str(metrics.of("a", "latency", "Average")) == "[ 5. nan]"


def test_a_folder_without_incidents_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no graph\.csv"):
        suites.run("petshop", tmp_path)
