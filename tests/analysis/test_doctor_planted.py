"""The doctor finds what was planted: real servers, each misconfigured as people do it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import analysis.doctor.prometheus
from alerts import prometheus_config, render
from alerts.config import RulesSection
from alerts.prometheus_config import Target
from analysis.doctor import Finding, Places, examine
from analysis.sources.section import ElasticsearchSection
from demo.servers import Elasticsearch, RunFolder, start_prometheus
from tests.analysis.watching import wait_until
from tests.relay import relay
from tests.servers import StartAlertmanager

pytestmark = pytest.mark.servers

NOWHERE = "http://127.0.0.1:9"
RULES = RulesSection(scrape_interval_seconds=1)
PAGE = b"""\
gpu_info{gpu="0",uuid="GPU-1",name="made up",driver="0",simulated="true"} 1
vllm_num_requests_running{model_name="m"} 1
"""


def looked_at(places: Places) -> dict[str, Finding]:
    with httpx.Client(timeout=5.0, trust_env=False) as client:
        return {finding.subject: finding for finding in examine(places, client)}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, prometheus_binary: Path) -> Iterator[Places]:
    """A Prometheus that answers well, in which everything else is wrong."""
    folder = tmp_path_factory.mktemp("planted")
    render.generated(RULES, folder).write()
    _leave_out_a_group(folder / "alerts.yml")
    with relay(mode="fixed", body=PAGE) as exporter:
        address = exporter.url.removeprefix("http://")
        (folder / "prometheus.yml").write_text(_misconfigured(address), encoding="utf-8")
        with start_prometheus(RunFolder(folder), folder / "prometheus.yml") as server:
            yield Places(server.url, NOWHERE, None, NOWHERE, RULES)


@pytest.fixture(scope="module")
def planted(places: Places) -> dict[str, Finding]:
    wait_until(lambda: not looked_at(places)["GPUs told twice"].ok, 20)
    return looked_at(places)


def _misconfigured(exporter: str) -> str:
    targets = (
        Target("gpu", exporter),
        Target("probe", exporter),
        Target("gateway", "127.0.0.1:9", {"service": "chat"}),
        Target("replica", exporter, {"service": "chat"}),
        Target("node", exporter),
    )
    document: dict[str, Any] = yaml.safe_load(prometheus_config.render(RULES, targets=targets))
    jobs = {job["job_name"]: job for job in document["scrape_configs"]}
    del jobs["replica"]["metric_relabel_configs"]
    jobs["node"]["scrape_interval"] = "60s"
    jobs["probe"]["job_name"] = "prob"
    return yaml.safe_dump(document)


def _leave_out_a_group(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["groups"] = [
        group for group in document["groups"] if group["name"] != "busysignal-gpu-alerts"
    ]
    path.write_text(yaml.safe_dump(document), encoding="utf-8")


@pytest.mark.parametrize(
    ("subject", "seen", "blinds"),
    [
        ("target gateway", "connection refused", "everything that gateway measures"),
        ("job prob", "no rule selects by this job", "stored and read by nothing of ours"),
        ("label replica of replica", "missing at http://", "which replica it is"),
        ("interval of node", "every 60 s; the rules are rendered for 1 s", "too few samples"),
        ("alerts", "are not loaded: ", "what those alerts tell"),
        ("Prometheus keeps", "2d of history", "the error budget, which looks back 30d"),
        ("Prometheus → Alertmanager", "no Alertmanager known", "alerts fire and reach nobody"),
        ("simulated GPUs", "a simulated driver answers", "every real GPU there"),
        ("GPUs told twice", "1 GPUs are told", "each of these counts twice"),
        ("vLLM's colons", "came in as vllm_", "what vLLM tells of itself"),
    ],
)
def test_what_was_planted_is_found_and_says_what_it_blinds(
    planted: dict[str, Finding], subject: str, seen: str, blinds: str
):
    finding = planted[subject]

    assert not finding.ok
    assert seen in finding.seen
    assert blinds in finding.blinds
    assert finding.remedy


def test_a_misspelt_job_is_told_what_was_meant(planted: dict[str, Finding]):
    assert "meant is 'probe'?" in planted["job prob"].remedy


def test_what_is_well_in_the_midst_of_it_says_so(planted: dict[str, Finding]):
    assert planted["Prometheus"].ok
    assert planted["exemplars"].ok
    assert planted["clock"].ok


def test_a_clock_that_runs_ahead_is_told(places: Places, monkeypatch: pytest.MonkeyPatch):
    now = time.time
    monkeypatch.setattr(analysis.doctor.prometheus.time, "time", lambda: now() - 30)

    finding = looked_at(places)["clock"]

    assert not finding.ok
    assert "s ahead of this machine" in finding.seen
    assert "verdicts order causes and effects by time" in finding.blinds


def test_an_alertmanager_that_knows_no_watch_is_told(
    tmp_path: Path, start_alertmanager: StartAlertmanager
):
    (tmp_path / "alertmanager.yml").write_text(
        "route: {receiver: none}\nreceivers: [{name: none}]\n", encoding="utf-8"
    )
    url = start_alertmanager(tmp_path / "alertmanager.yml").url

    finding = looked_at(Places(NOWHERE, url, None, NOWHERE))["Alertmanager → watch"]

    assert (finding.ok, finding.seen) == (False, "no webhook receiver")
    assert finding.blinds == "verdicts: pages come without a cause"


def test_a_watch_whose_token_nobody_sends_is_told(
    tmp_path: Path, start_alertmanager: StartAlertmanager
):
    render.generated(RULES, tmp_path).write()
    url = start_alertmanager(tmp_path / "alertmanager.yml").url

    findings = looked_at(Places(NOWHERE, url, None, NOWHERE, guarded=True))

    assert findings["Alertmanager → watch"].ok
    assert not findings["token of watch"].ok
    assert findings["token of watch"].blinds == "verdicts: pages come without a cause"
    assert "rules.receivers.watch_token_file" in findings["token of watch"].remedy


def test_documents_of_no_shape_are_told(elasticsearch: Elasticsearch):
    index = f"traces-planted-{time.time_ns()}"
    document = {"@timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "what": "ever"}
    httpx.post(
        f"{elasticsearch.url}/{index}/_doc?refresh=true", json=document, trust_env=False
    ).raise_for_status()
    section = ElasticsearchSection(url=elasticsearch.url, traces_index=index)

    finding = looked_at(Places(NOWHERE, NOWHERE, section, NOWHERE))["Elasticsearch traces"]

    assert not finding.ok
    assert "1 documents are not spans" in finding.seen
    assert finding.blinds == "what traces would tell about single requests"
    assert "elasticsearch.shapes" in finding.remedy
