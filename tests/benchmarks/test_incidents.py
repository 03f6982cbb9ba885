from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import suites
from benchmarks.suites.incidents import brier, reliability, summary
from benchmarks.suites.result import NoLayoutError
from demo.incidents import incident


def case(**told: object) -> dict[str, object]:
    usual = {
        "kind": "quota", "trouble": "quota", "rank": None, "kind_rank": None, "named": "quota",
        "confidence": 0.8, "abstained": False, "result": "named", "chance": 0.1, "seconds": 0.1,
    }  # fmt: skip
    return {**usual, **told}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for kind, seed in (
        ("upstream_slow", "upstream_slow"),
        ("telemetry_gap", "telemetry_gap"),
        ("none", "calm"),
    ):
        incident.make(kind, f"bench/{seed}", folder / kind)
    return folder


def test_generated_incidents_are_found_by_their_layout_and_judged(data):
    result = suites.run("incidents", data)
    judged = {one["trouble"]: one for one in result.cases}

    assert result.as_dict()["summary"]["cases"] == 3
    assert judged["upstream_slow"]["rank"] == 1
    assert judged["telemetry_gap"]["rank"] == 1
    assert judged["none"]["result"] != "named"
    assert json.dumps(result.as_dict())


def test_the_verdict_does_not_hang_on_what_the_truth_says(data):
    before = suites.run("incidents", data).cases
    path = data / "upstream_slow" / "truth.json"
    truth = json.loads(path.read_text())
    path.write_text(json.dumps({**truth, "kind": "quota", "entities": ["gateway"]}))
    after = {one["id"]: one for one in suites.run("incidents", data).cases}
    path.write_text(json.dumps(truth))

    assert [(one["named"], one["confidence"]) for one in before] == [
        (after[one["id"]]["named"], after[one["id"]]["confidence"]) for one in before
    ]
    assert after["upstream_slow"]["rank"] is None


def test_a_folder_without_incidents_has_no_layout(tmp_path):
    with pytest.raises(NoLayoutError):
        suites.run("incidents", tmp_path)


def test_shares_are_of_what_they_are_shares_of():
    found = summary(
        [
            case(rank=1), case(rank=3), case(), case(kind="none", named="none", result="none"),
            case(kind="unknown", result="abstained", confidence=0.2),
        ]
    )  # fmt: skip

    assert found["top_1"] == pytest.approx(1 / 3)
    assert found["top_3"] == pytest.approx(2 / 3)
    assert (found["healthy_called_incidents"], found["unknown_abstained"]) == (0.0, 1.0)


def test_the_brier_score_is_of_what_was_put_first():
    judged = [case(rank=1, confidence=0.9), case(rank=2, confidence=0.6), case(named=None)]

    assert brier(judged) == pytest.approx((0.1**2 + 0.6**2) / 2)


def test_reliability_holds_said_against_right():
    rows = reliability([case(rank=1, confidence=1.0), case(rank=2, confidence=0.9)])

    assert rows == [("0.8-1.0", 2, pytest.approx(0.95), 0.5)]
