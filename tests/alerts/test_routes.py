from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from alerts import render, rules
from alerts.config import RulesSection

ALERTS = rules.alerts_in(rules.groups(RulesSection()))
RECEIVERS = {"page": "watch,pager", "warning": "quiet", "ticket": "quiet", "info": "quiet"}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_alert_reaches_whom_it_concerns(amtool: Path, tmp_path, alert):
    render.render(RulesSection(), tmp_path)
    wanted = "deadman" if alert.name == "Watchdog" else RECEIVERS[alert.severity]

    done = subprocess.run(
        [amtool, "config", "routes", "test", f"--config.file={tmp_path / 'alertmanager.yml'}",
         f"--verify.receivers={wanted}", f"alertname={alert.name}", f"severity={alert.severity}",
         "service=chat"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def test_one_incident_of_a_service_is_one_page():
    config = yaml.safe_load(render.texts(RulesSection())["alertmanager.yml"])

    assert config["route"]["group_by"] == ["service"]


def test_no_alert_without_a_service_silences_another():
    config = yaml.safe_load(render.texts(RulesSection())["alertmanager.yml"])

    for rule in config["inhibit_rules"]:
        assert 'service != ""' in rule["source_matchers"]
        assert rule["equal"] == ["service"]


def test_every_alert_named_in_an_inhibition_exists():
    config = yaml.safe_load(render.texts(RulesSection())["alertmanager.yml"])
    names = {alert.name for alert in ALERTS}

    for rule in config["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            if matcher.startswith("alertname"):
                for pattern in matcher.split('"')[1].split("|"):
                    assert any(name.startswith(pattern.removesuffix(".*")) for name in names)
