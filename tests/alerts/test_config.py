from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
import yaml

from alerts import render, rules
from alerts.config import Override, RulesSection
from alerts.prometheus_config import Target
from alerts.prometheus_config import render as prometheus
from exporters import settings
from exporters.catalog import neutral
from exporters.catalog.signal import UnknownLabelError
from exporters.errors import UsageError


def refusal(tmp_path, text):
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        settings.load(RulesSection, path, {})
    return str(refused.value).replace(str(path), "rules.toml")


def test_a_typo_in_a_threshold_is_answered_with_the_nearest_name(tmp_path):
    assert refusal(tmp_path, "[thresholds]\nqueue_warnin = 10\n") == (
        "rules.toml: unknown key thresholds.queue_warnin; did you mean queue_warning?"
    )


@pytest.mark.parametrize(
    ("objective", "bound", "said"),
    [
        ("latency", 0.4, "no bucket of llm_request_duration_seconds; the nearest are 0.3 and 0.5"),
        (
            "first_token",
            2,
            "no bucket of llm_time_to_first_token_seconds; the nearest are 1.5 and 2.5",
        ),
        (
            "inter_token",
            0.05,
            "no bucket of llm_inter_token_latency_seconds; the nearest are 0.04 and 0.06",
        ),
    ],
)
def test_a_bound_that_is_no_bucket_is_refused_with_the_nearest(tmp_path, objective, bound, said):
    text = f"[objectives.{objective}]\nbound_seconds = {bound}\n"

    assert refusal(tmp_path, text) == (
        f"rules.toml: objectives.{objective}.bound_seconds = {bound} is not valid: "
        f"Value error, {said}"
    )


def test_a_share_above_one_is_refused(tmp_path):
    assert refusal(tmp_path, "[thresholds]\nkv_cache = 95\n") == (
        "rules.toml: thresholds.kv_cache = 95 is not valid: Input should be less than or equal to 1"
    )


def test_a_receiver_that_is_no_address_is_refused(tmp_path):
    assert refusal(tmp_path, '[receivers]\npager_url = "pager:9600"\n') == (
        "rules.toml: receivers.pager_url = 'pager:9600' is not valid: Value error, an address "
        "begins with http:// or https://"
    )


def test_time_cannot_run_slower_than_it_does(tmp_path):
    assert refusal(tmp_path, "time_scale = 0.5\n") == (
        "rules.toml: time_scale = 0.5 is not valid: Input should be greater than or equal to 1"
    )


def test_targets_stay_exact_on_their_way_through_toml(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text("[objectives.availability]\ntarget = 0.999\n", encoding="utf-8")

    section = settings.load(RulesSection, path, {})

    assert section.objectives.availability.target == Decimal("0.999")


def test_two_alerts_of_one_name_are_refused():
    alert = rules.alerts_in(rules.groups(RulesSection()))[0]

    with pytest.raises(UsageError) as refused:
        rules.check([alert, alert])

    assert str(refused.value) == (
        "alert AvailabilityBurnFast is defined twice; a name stands for one runbook and one route, "
        "so rename one"
    )


def test_an_alert_that_names_no_known_cause_is_refused():
    alert = rules.alerts_in(rules.groups(RulesSection()))[0]

    with pytest.raises(UsageError) as refused:
        rules.check([replace(alert, kinds=("gremlins",))])

    assert str(refused.value).startswith(
        "alert AvailabilityBurnFast names the cause 'gremlins'; allowed: traffic_burst, "
    )


def test_a_job_is_scraped_only_where_somebody_named_its_targets():
    without = yaml.safe_load(prometheus(RulesSection(), targets=[Target("gateway", "g:1")]))
    with_it = yaml.safe_load(prometheus(RulesSection(), targets=[Target("kafka", "k:9308")]))

    assert [job["job_name"] for job in without["scrape_configs"]] == ["gateway"]
    assert with_it["scrape_configs"] == [
        {"job_name": "kafka", "static_configs": [{"targets": ["k:9308"]}]}
    ]


def test_a_job_that_no_rule_knows_is_refused():
    with pytest.raises(UsageError) as refused:
        prometheus(RulesSection(), targets=[Target("gatewy", "127.0.0.1:1")])

    assert str(refused.value) == (
        "no rule knows the job 'gatewy'; "
        "allowed: gateway, replica, gpu, probe, node, client, watch, forecast, bridge, kafka, "
        "etcd, config, prometheus, alertmanager"
    )


@pytest.mark.parametrize(
    ("alert", "entity", "said"),
    [
        ("QueueDep", "chat", "no alert 'QueueDep' begins at a level; did you mean QueueDeep?"),
        (
            "GpuBusy",
            "chat/n1:9400/0",
            (
                "GpuBusy cannot begin elsewhere for 'chat/n1:9400/0'; "
                "give instance or instance/gpu, or nothing"
            ),
        ),
    ],
)
def test_an_override_that_would_match_nothing_is_refused_at_render(alert, entity, said):
    section = RulesSection(overrides=(Override(alert=alert, entity=entity, value=0.9),))

    with pytest.raises(UsageError) as refused:
        render.texts(section)

    assert str(refused.value) == said


def test_a_selector_by_a_label_that_no_series_has_is_refused_with_those_it_has():
    with pytest.raises(UnknownLabelError) as refused:
        neutral.QUEUE_DEPTH.value.where(servce="chat")

    assert str(refused.value) == ("llm:queue_depth has no label 'servce'; it has replica, service")
