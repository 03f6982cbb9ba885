from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from alerts import render
from alerts.config import Receivers, RulesSection
from alerts.prometheus_config import Target
from alerts.prometheus_config import render as prometheus

ROOT = Path(__file__).parents[2]
SECTIONS = {
    "real": RulesSection(),
    "demo": RulesSection(time_scale=60, scrape_interval_seconds=1),
    "coarse": RulesSection(time_scale=60),
    "token": RulesSection(
        receivers=Receivers(
            pager_token_file=Path("/etc/token"), quiet_url="http://q:1/", deadman_url="https://d/"
        )
    ),
}


@pytest.fixture(params=SECTIONS)
def rendered(request, tmp_path):
    render.generated(SECTIONS[request.param], tmp_path).write()
    return tmp_path


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_accepts_every_rule(promtool, rendered):
    said = run(promtool, "check", "rules", rendered / "recording.yml", rendered / "alerts.yml")

    assert said.count("SUCCESS") == 2


def test_promtool_accepts_the_server_config(promtool, rendered):
    said = run(promtool, "check", "config", rendered / "prometheus.yml")

    assert "is valid prometheus config file syntax" in said


def test_amtool_accepts_the_routes(amtool, rendered):
    said = run(amtool, "check-config", rendered / "alertmanager.yml")

    assert "4 receivers" in said


def test_the_committed_files_are_fresh():
    assert render.generated(RulesSection(), ROOT / "alerts/generated").stale() == []
    assert render.runbook_pages(RulesSection(), ROOT / "docs/runbooks").stale() == []


def test_what_is_stale_missing_or_left_over_is_told(tmp_path):
    render.generated(RulesSection(), tmp_path).write()
    (tmp_path / "alerts.yml").write_text("groups: []\n", encoding="utf-8")
    (tmp_path / "prometheus.yml").unlink()
    (tmp_path / "old.yml").touch()

    assert render.generated(RulesSection(), tmp_path).stale() == [
        f"{tmp_path}/old.yml belongs to nothing any more; delete it",
        f"{tmp_path}/alerts.yml is stale; renew it with `busysignal rules`",
        f"{tmp_path}/prometheus.yml is missing; make it with `busysignal rules`",
    ]


def test_rendering_twice_gives_the_same_bytes():
    assert render.texts(RulesSection()) == render.texts(RulesSection())


def test_no_float_noise_reaches_a_rule():
    text = "".join(render.texts(RulesSection()).values())

    assert "00000" not in text
    assert "99999" not in text


def test_long_queries_stand_as_blocks():
    assert "\\n" not in "".join(render.texts(RulesSection()).values())


def test_every_wait_and_window_is_scaled():
    real, demo = (
        yaml.safe_load(render.texts(SECTIONS[name])["alerts.yml"])["groups"]
        for name in ("real", "demo")
    )
    pairs = [
        (one["for"], other["for"])
        for left, right in zip(real, demo, strict=True)
        for one, other in zip(left["rules"], right["rules"], strict=True)
    ]

    assert set(pairs) == {
        ("0s", "0s"), ("1m", "1s"), ("2m", "2s"), ("5m", "5s"), ("10m", "10s"), ("15m", "15s"),
        ("30m", "30s"), ("1h", "1m"),
    }  # fmt: skip


def test_every_alert_says_what_a_page_needs():
    for group in yaml.safe_load(render.texts(RulesSection())["alerts.yml"])["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("page", "warning", "ticket", "info")
            assert "{{" not in rule["annotations"]["summary"]
            assert set(rule["annotations"]) == {
                "summary", "description", "runbook_url", "dashboard_url", "query",
            }  # fmt: skip


def test_every_alert_has_a_runbook():
    made = render.runbook_texts(RulesSection())

    for group in yaml.safe_load(render.texts(RulesSection())["alerts.yml"])["groups"]:
        for rule in group["rules"]:
            page = made[rule["annotations"]["runbook_url"].rpartition("/")[2]]
            assert rule["expr"] in page
            assert f"]({rule['alert']}.md)" in made["README.md"]


def test_targets_are_scraped_under_their_job_with_their_labels():
    text = prometheus(
        RulesSection(scrape_interval_seconds=1),
        targets=[Target("replica", "127.0.0.1:7001", {"service": "chat", "replica": "a"})],
        alertmanagers=["127.0.0.1:9093"],
        rule_files=["/run/recording.yml"],
    )

    assert yaml.safe_load(text) == {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["/run/recording.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:9093"]}]}]},
        "scrape_configs": [
            {
                "job_name": "replica",
                "static_configs": [
                    {
                        "targets": ["127.0.0.1:7001"],
                        "labels": {"service": "chat", "replica": "a"},
                    }
                ],
                "metric_relabel_configs": [
                    {
                        "source_labels": ["__name__"],
                        "regex": "vllm_(.+)",
                        "target_label": "__name__",
                        "replacement": "vllm:$1",
                    }
                ],
            }
        ],
    }
