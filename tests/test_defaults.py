from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import yaml

from alerts.config import Receivers
from alerts.teams import NotifySection
from busysignal import Config

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "alerts" / "generated" / "prometheus.yml"


def ports():
    config = Config()
    return {
        "gpu": config.gpu.port,
        "probe": config.probe.port,
        "watch": config.watch.port,
        "forecast": config.forecast.port,
        "bridge": config.bridge.port,
        "prometheus": urlsplit(config.prometheus.url).port,
        "alertmanager": urlsplit(config.alertmanager.url).port,
    }


def test_alerts_go_where_the_watch_listens():
    watch = Config().watch

    assert Receivers().watch_url == f"http://{watch.host}:{watch.port}/alerts"


def test_what_alertmanager_cannot_tell_goes_where_the_bridge_listens():
    bridge = Config().bridge

    assert NotifySection().bridge_url == f"http://{bridge.host}:{bridge.port}"


def test_no_two_parts_listen_on_one_port():
    listening = {name for name, section in Config() if hasattr(section, "port")}

    assert listening <= ports().keys()
    assert len(set(ports().values())) == len(ports())


def test_the_example_scrapes_and_tells_the_default_ports():
    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    found = [
        (job["job_name"], target)
        for job in example["scrape_configs"]
        for group in job.get("static_configs", ())
        for target in group["targets"]
    ]
    found += [
        ("alertmanager", target)
        for one in example["alerting"]["alertmanagers"]
        for group in one["static_configs"]
        for target in group["targets"]
    ]

    assert found
    for job, target in found:
        assert int(target.rpartition(":")[2]) == ports()[job], job
