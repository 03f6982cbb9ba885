from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from alerts.autoscaling import AutoscalingSection, generated, should_scale, texts
from alerts.autoscaling.readings import readings
from exporters.errors import UsageError
from exporters.settings import load
from tests import schemas
from tests.promql_lint import problems

ROOT = Path(__file__).parents[3]
SECTION = AutoscalingSection()
EACH = " for each replica is the target"
QUIET = {"requests": 1000.0, "forecast": 1000.0, "gpu": 50.0, "queue": 0.0, "cpu": 20.0}


def manifest(name: str, section: AutoscalingSection = SECTION):
    return yaml.safe_load(texts(section)[name])


def test_the_committed_manifests_are_fresh():
    assert generated(SECTION, ROOT / "alerts/generated/autoscaling").stale() == []


def test_what_is_stale_missing_or_left_over_is_told(tmp_path):
    generated(SECTION, tmp_path).write()
    (tmp_path / "hpa.yaml").write_text("{}\n", encoding="utf-8")
    (tmp_path / "keda-scaledobject.yaml").unlink()
    (tmp_path / "old.yaml").touch()

    assert generated(SECTION, tmp_path).stale() == [
        f"{tmp_path}/old.yaml belongs to nothing any more; delete it",
        f"{tmp_path}/hpa.yaml is stale; renew it with `busysignal autoscaling`",
        f"{tmp_path}/keda-scaledobject.yaml is missing; make it with `busysignal autoscaling`",
    ]


@pytest.mark.parametrize("name", ["hpa.yaml", "keda-scaledobject.yaml"])
def test_kubernetes_and_keda_would_take_it_and_keep_every_field(name):
    schemas.check_resource(manifest(name))


@pytest.mark.parametrize("reading", readings(SECTION), ids=lambda reading: reading.key)
def test_every_reading_is_a_query_on_the_catalogue(reading):
    assert problems(reading.query) == []


def test_the_hpa_has_the_bounds_and_targets_of_the_config():
    spec = manifest("hpa.yaml")["spec"]

    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 20)
    assert spec["metrics"][0]["resource"]["target"] == {
        "type": "Utilization",
        "averageUtilization": 70,
    }
    external = [one["external"] for one in spec["metrics"][1:]]
    assert {one["metric"]["name"]: one["target"] for one in external} == {
        "llm_requests_per_second": {"type": "AverageValue", "averageValue": "500"},
        "llm_requests_per_second_forecast": {"type": "AverageValue", "averageValue": "500"},
        "gpu_utilization_percent": {"type": "Value", "value": "70"},
        "llm_queue_depth": {"type": "AverageValue", "averageValue": "50"},
    }  # fmt: skip


def test_it_is_fast_up_and_slow_down():
    behaviour = manifest("hpa.yaml")["spec"]["behavior"]

    assert behaviour["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert behaviour["scaleDown"]["stabilizationWindowSeconds"] == 300
    assert behaviour["scaleDown"]["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 60}]
    keda = manifest("keda-scaledobject.yaml")["spec"]["advanced"]["horizontalPodAutoscalerConfig"]
    assert keda["behavior"] == behaviour


def test_every_external_metric_has_its_rule_in_the_adapter():
    asked = {
        one["external"]["metric"]["name"]
        for one in manifest("hpa.yaml")["spec"]["metrics"]
        if one["type"] == "External"
    }
    rules = manifest("prometheus-adapter-rules.yaml")["rules"]["external"]

    assert {rule["name"]["as"] for rule in rules} == asked
    assert all(problems(rule["seriesQuery"]) == [] for rule in rules)


def test_keda_asks_the_same_queries():
    triggers = manifest("keda-scaledobject.yaml")["spec"]["triggers"]

    assert [one["metadata"]["query"] for one in triggers if one["type"] == "prometheus"] == [
        reading.query for reading in readings(SECTION)
    ]


def test_a_target_that_is_left_out_is_nowhere():
    section = AutoscalingSection(forecast_ahead=None, queue=None)

    assert "forecast" not in "".join(texts(section).values())
    assert "queue" not in "".join(texts(section).values())


def test_bounds_in_the_wrong_order_are_refused(tmp_path):
    path = tmp_path / "busysignal.toml"
    path.write_text("replicas_min = 30\n", encoding="utf-8")

    with pytest.raises(UsageError, match="replicas_min = 30 is more than replicas_max = 20"):
        load(AutoscalingSection, path, {})


@pytest.mark.parametrize(
    ("replicas", "changed", "count", "why"),
    [
        (3, {}, 3, "stay at 3: 50% is the GPUs' mean utilisation, and 70% is the target"),
        (
            4, {"requests": 3000.0}, 6,
            "from 4 up to 6: 3000 requests/s arrive, and 500 requests/s" + EACH,
        ),
        (
            4, {"forecast": 5100.0}, 11,
            "from 4 up to 11: 5100 requests/s are expected in 15m, and 500 requests/s" + EACH,
        ),
        (
            4, {"queue": 1500.0}, 20,
            "from 4 up to 20: 1500 requests wait, and 50 requests" + EACH
            + "; 30 would be needed, and 20 is the most allowed",
        ),
        (
            8, {"gpu": 30.0}, 4,
            "from 8 down to 4: 30% is the GPUs' mean utilisation, and 70% is the target",
        ),
        (
            4, {"gpu": 72.0}, 4,
            "stay at 4: 72% is the GPUs' mean utilisation, and 70% is the target",
        ),
    ],
)  # fmt: skip
def test_the_reading_that_asks_for_most_decides_and_says_why(replicas, changed, count, why):
    decision = should_scale(SECTION, replicas, QUIET | changed)

    assert dataclasses.astuple(decision) == (count, why)


def test_while_a_reading_is_missing_nothing_is_scaled_in():
    known = {"requests": 100.0, "gpu": float("nan"), "queue": 0.0, "cpu": 10.0}

    decision = should_scale(SECTION, 9, known)

    assert decision.replicas == 9
    assert decision.why.endswith("; unknown: forecast, gpu")


def test_without_any_reading_nothing_changes():
    assert dataclasses.astuple(should_scale(SECTION, 5, {})) == (
        5,
        "nothing is known, so nothing changes",
    )
