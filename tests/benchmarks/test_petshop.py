from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from analysis.ranking import Measured
from analysis.ranking.scene import Floats
from benchmarks import disguise, suites
from benchmarks.disguise import LOOKS, Look
from benchmarks.suites.petshop import Incident, judge, read, read_metrics, summary
from exporters.errors import UsageError
from tests.public_data import unpack

DRAWS = 10
LOST = 0.1


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


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_the_score_is_the_same_when_the_data_look_otherwise(petshop, plain, tmp_path, look):
    disguise.petshop(petshop, tmp_path, look)

    assert suites.run("petshop", tmp_path).summary["top_1"] >= plain["top_1"] - 0.03


def test_a_tenth_of_the_cells_missing_costs_three_points_at_most(petshop, plain):
    incidents = list(read(petshop / "low_traffic", petshop))
    chance = np.random.default_rng(0)
    said = [
        summary([judge(with_holes(one, chance)) for one in incidents])["top_1"]
        for _ in range(DRAWS)
    ]

    assert np.mean(said) >= plain["top_1"] - 0.03


def test_a_row_that_is_missing_of_everything_costs_nothing(petshop, plain):
    incidents = list(read(petshop / "low_traffic", petshop))
    for lost in range(2):
        said = summary([judge(without_row_before(one, lost)) for one in incidents])
        assert said["top_1"] == plain["top_1"]


def with_holes(incident: Incident, chance: np.random.Generator) -> Incident:
    def holed(values: Floats) -> Floats:
        return np.where(chance.random(len(values)) < LOST, np.nan, values)

    return changed(
        incident, lambda it: Measured(*(holed(getattr(it, field.name)) for field in fields(it)))
    )


def without_row_before(incident: Incident, lost: int) -> Incident:
    def holed(values: Floats) -> Floats:
        return np.where(np.arange(len(values)) == lost, np.nan, values)

    return changed(incident, lambda it: replace(it, before=holed(it.before)))


def changed(incident: Incident, change: Callable[[Measured], Measured]) -> Incident:
    measured = {name: change(it) for name, it in sorted(incident.scene.measured.items())}
    return replace(incident, scene=replace(incident.scene, measured=measured))


def test_without_counts_of_calls_it_still_beats_the_best_peer_at_three(petshop, plain, tmp_path):
    disguise.petshop(petshop, tmp_path, Look("", without="requests"))

    assert suites.run("petshop", tmp_path).summary["top_3"] >= plain["correlation_top_3"]


def test_what_is_no_number_is_a_gap(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("name,a\nmetric,latency\nstatistic,Average\nunix_timestamp,\n2.0,oops\n1.0,5\n")

    metrics = read_metrics(path)

    assert list(metrics.times) == [1.0, 2.0]
    assert str(metrics.of("a", "latency", "Average")) == "[ 5. nan]"


def test_a_folder_without_incidents_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no graph\.csv"):
        suites.run("petshop", tmp_path)
