from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from alerts import alertmanager_config, rules
from alerts.config import RulesSection

ALERTS = rules.alerts_in(rules.groups(RulesSection()))
DEFAULTS = {"page": "watch,pager", "warning": "quiet", "ticket": "quiet", "info": "quiet"}
CHAT = {"page": "watch,chat-page", "warning": "chat-warning", "ticket": "quiet", "info": "quiet"}
REST = {"page": "watch,rest-page", "warning": "quiet", "ticket": "rest-ticket", "info": "quiet"}
SLACK = {"kind": "slack", "url_file": "/etc/busysignal/slack", "channel": "#oncall"}
TEAMS = {
    "receivers": {"talk": SLACK},
    "teams": {
        "chat": {"services": ["chat", "embed"], "page": ["talk"], "warning": ["talk"]},
        "rest": {"page": ["talk"], "ticket": ["talk"]},
    },
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return rendered(RulesSection(), tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def teams(tmp_path_factory):
    section = RulesSection.model_validate({"notify": TEAMS})
    return rendered(section, tmp_path_factory.mktemp("teams"))


def rendered(section, folder):
    path = folder / "alertmanager.yml"
    path.write_text(alertmanager_config.render(section), encoding="utf-8")
    (folder / alertmanager_config.FILE).write_text(
        alertmanager_config.templates(), encoding="utf-8"
    )
    return path


def reaches(amtool: Path, config: Path, wanted: str, *labels: str) -> None:
    done = subprocess.run(
        [amtool, "config", "routes", "test", f"--config.file={config}",
         f"--verify.receivers={wanted}", *labels],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def wanted(alert, receivers):
    return "deadman" if alert.name == "Watchdog" else receivers[alert.severity]


@pytest.mark.servers
@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_alert_reaches_whom_it_concerns(amtool: Path, plain, teams, alert):
    its = (f"alertname={alert.name}", f"severity={alert.severity}")

    reaches(amtool, plain, wanted(alert, DEFAULTS), *its, "service=chat")
    reaches(amtool, teams, wanted(alert, CHAT), *its, "service=embed")


@pytest.mark.servers
@pytest.mark.parametrize("severity", REST)
def test_what_belongs_to_no_team_goes_to_the_one_without_services(amtool, teams, severity):
    reaches(amtool, teams, REST[severity], f"severity={severity}")


@pytest.mark.servers
def test_an_alert_that_names_its_team_reaches_it_whatever_its_service(amtool, teams):
    reaches(amtool, teams, "watch,chat-page", "severity=page", "service=other", "team=chat")
    reaches(amtool, teams, "watch,rest-page", "severity=page", "service=chat", "team=rest")


def test_one_incident_of_a_service_is_one_page():
    config = yaml.safe_load(alertmanager_config.render(RulesSection()))

    assert config["route"]["group_by"] == ["service"]


def test_no_alert_without_a_service_silences_another():
    config = yaml.safe_load(alertmanager_config.render(RulesSection()))

    for rule in config["inhibit_rules"]:
        assert 'service != ""' in rule["source_matchers"]
        assert rule["equal"] == ["service", "region"]


def test_every_alert_named_in_an_inhibition_exists():
    config = yaml.safe_load(alertmanager_config.render(RulesSection()))
    names = {alert.name for alert in ALERTS}

    for rule in config["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            if matcher.startswith("alertname"):
                for pattern in matcher.split('"')[1].split("|"):
                    assert any(name.startswith(pattern.removesuffix(".*")) for name in names)
