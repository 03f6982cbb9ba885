from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from alerts.config import Objectives, RulesSection, Thresholds
from alerts.objectives import AvailabilityObjective
from dashboards.config import DashboardsSection
from dashboards.render import documents, files, generated
from exporters.catalog.boards import BOARDS

GENERATED = Path(__file__).parents[2] / "dashboards" / "generated"
SECTION, RULES = DashboardsSection(), RulesSection()


def panel(title: str, rules: RulesSection = RULES) -> dict:
    service = documents(SECTION, rules)["busysignal-service"]
    (found,) = [panel for panel in service["panels"] if panel["title"] == title]
    return found


def steps(title: str, rules: RulesSection) -> list[float]:
    return [
        step["value"]
        for step in panel(title, rules)["fieldConfig"]["defaults"]["thresholds"]["steps"][1:]
    ]


def test_the_committed_dashboards_are_what_the_code_makes():
    assert generated(SECTION, RULES, GENERATED).stale() == []


def test_rendering_writes_dashboards_and_provisioning(tmp_path: Path):
    written = generated(SECTION, RULES, tmp_path).write()

    uids = [board.uid for board in BOARDS]
    assert sorted(path.relative_to(tmp_path).as_posix() for path in written) == sorted(
        [
            *(f"{uid}.json" for uid in uids),
            *(f"kubernetes/{uid}.yaml" for uid in uids),
            "provisioning/dashboards.yaml",
            "provisioning/datasources.yaml",
        ]
    )
    assert generated(SECTION, RULES, tmp_path).stale() == []


def test_a_changed_a_missing_and_a_foreign_file_are_stale(tmp_path: Path):
    generated(SECTION, RULES, tmp_path).write()
    (tmp_path / "busysignal-gpu.json").write_text("{}")
    provider = tmp_path / "provisioning/dashboards.yaml"
    provider.unlink()
    (tmp_path / "old.json").write_text("{}")

    assert generated(SECTION, RULES, tmp_path).stale() == [
        f"{tmp_path}/old.json belongs to nothing any more; delete it",
        f"{tmp_path}/busysignal-gpu.json is stale; renew it with `busysignal dashboards`",
        f"{tmp_path}/provisioning/dashboards.yaml is missing; make it with `busysignal dashboards`",
    ]


def test_a_folder_that_is_not_there_makes_everything_stale(tmp_path: Path):
    assert len(generated(SECTION, RULES, tmp_path / "nowhere").stale()) == len(
        files(SECTION, RULES)
    )


def test_panels_turn_red_where_alerts_fire():
    rules = RulesSection(
        thresholds=Thresholds(p99_seconds=2.5, queue_warning=7, queue_critical=9, error_share=0.01)
    )

    assert steps("Duration P99", rules) == [2.5]
    assert steps("Request duration", rules) == [2.5]
    assert steps("Queue depth", rules) == [7, 9]
    assert steps("5xx share", rules) == [0.01]


def test_the_burn_rate_is_measured_against_the_configured_objective():
    objectives = Objectives(availability=AvailabilityObjective(target=Decimal("0.999")))
    expressions = [
        target["expr"]
        for target in panel("SLO burn rate", RulesSection(objectives=objectives))["targets"]
    ]

    assert expressions[0] == (
        'llm:slo_errors:ratio_rate1h{service="$service",slo="availability"} / 0.001'
    )
    assert expressions[1].endswith('slo="latency"} / 0.01')


def test_the_data_source_tells_grafana_how_often_prometheus_scrapes():
    rules = RulesSection(time_scale=60, scrape_interval_seconds=1)
    text = files(SECTION, rules)["provisioning/datasources.yaml"]

    metrics, _ = yaml.safe_load(text)["datasources"]
    assert metrics["jsonData"] == {"httpMethod": "POST", "timeInterval": "1s"}


def test_exemplars_and_lines_lead_to_their_trace_where_traces_have_an_address():
    section = DashboardsSection(trace_url="http://127.0.0.1:5601/t/${__value.raw}")
    text = files(section, RULES)["provisioning/datasources.yaml"]

    metrics, logs = yaml.safe_load(text)["datasources"]
    assert logs["jsonData"]["dataLinks"] == [
        {"field": "trace_id", "url": "http://127.0.0.1:5601/t/${__value.raw}"}
    ]
    assert metrics["jsonData"]["exemplarTraceIdDestinations"] == [
        {
            "name": "trace_id",
            "url": "http://127.0.0.1:5601/t/${__value.raw}",
            "urlDisplayLabel": "trace",
        }
    ]


def test_a_config_map_carries_a_dashboard_to_grafanas_sidecar():
    made = files(SECTION, RULES)
    found = yaml.safe_load(made["kubernetes/busysignal-slo.yaml"])

    assert (found["apiVersion"], found["kind"]) == ("v1", "ConfigMap")
    assert found["metadata"] == {
        "name": "busysignal-slo",
        "labels": {"grafana_dashboard": "1"},
        "annotations": {"grafana_folder": "BusySignal"},
    }
    assert json.loads(found["data"]["busysignal-slo.json"]) == json.loads(
        made["busysignal-slo.json"]
    )
    assert all(len(text.encode()) < 2**20 for text in made.values())


def test_the_range_on_opening_is_the_configured_one():
    section = DashboardsSection(time_range="5m", refresh="5s")
    text = files(section, RULES)["busysignal-service.json"]

    document = json.loads(text)
    assert document["time"] == {"from": "now-5m", "to": "now"}
    assert document["refresh"] == "5s"


@pytest.mark.parametrize("span", ["0s", "5", "m", "5 m", "-5m", "5min"])
def test_a_span_that_grafana_would_not_read_is_refused(span: str):
    with pytest.raises(ValidationError, match="String should match pattern"):
        DashboardsSection(time_range=span)
