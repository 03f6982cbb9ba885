from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from alerts import prometheus_config, render
from alerts.config import Receivers, RulesSection
from alerts.prometheus_config import Target
from analysis.doctor import Finding, Places, examine
from analysis.sources.section import ElasticsearchSection
from demo.servers import Alertmanager, Elasticsearch, Prometheus
from tests.analysis.watching import wait_until
from tests.relay import relay
from tests.servers import StartAlertmanager, StartPrometheus


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=2.0, trust_env=False) as client:
        yield client


@pytest.fixture
def alertmanager(tmp_path: Path, start_alertmanager: StartAlertmanager) -> Alertmanager:
    render.generated(RulesSection(receivers=Receivers()), tmp_path).write()
    return start_alertmanager(tmp_path / "alertmanager.yml")


@pytest.fixture
def prometheus(
    tmp_path: Path, alertmanager: Alertmanager, start_prometheus: StartPrometheus
) -> Prometheus:
    section = RulesSection(scrape_interval_seconds=1)
    render.generated(section, tmp_path).write()
    text = prometheus_config.render(
        section,
        targets=(Target("gateway", "127.0.0.1:9"),),
        alertmanagers=(alertmanager.url.removeprefix("http://"),),
    )
    (tmp_path / "prometheus.yml").write_text(text, encoding="utf-8")
    return start_prometheus(tmp_path / "prometheus.yml")


NOWHERE = "http://127.0.0.1:9"


def look(
    client: httpx.Client,
    *,
    prometheus: str = NOWHERE,
    alertmanager: str = NOWHERE,
    elasticsearch: str | None = None,
    watch: str = NOWHERE,
) -> dict[str, Finding]:
    section = elasticsearch and ElasticsearchSection(url=elasticsearch, timeout_seconds=0.5)
    findings = examine(Places(prometheus, alertmanager, section or None, watch), client)
    return {finding.subject: finding for finding in findings}


def test_a_server_that_is_away_is_a_finding_with_what_it_blinds(client: httpx.Client):
    finding = look(client)["Prometheus"]

    assert not finding.ok
    assert finding.seen.startswith(f"{NOWHERE}: [Errno 111] Connection refused")
    assert finding.blinds == "everything: no alert can fire and no metric can be read"
    assert finding.remedy == "start it, or correct prometheus.url in the config"


def test_an_elasticsearch_that_the_config_leaves_out_is_well(client: httpx.Client):
    assert look(client)["Elasticsearch"].ok


@pytest.mark.servers
def test_a_healthy_prometheus_is_told_with_its_version_and_rules(
    client: httpx.Client, prometheus: Prometheus
):
    found = look(client, prometheus=prometheus.url)

    assert found["Prometheus"].ok
    assert found["Prometheus"].seen.startswith("version ")
    assert found["rules"].ok
    # Prometheus learns of its Alertmanagers a moment after it is ready.
    wait_until(lambda: look(client, prometheus=prometheus.url)["Prometheus → Alertmanager"].ok, 20)


@pytest.mark.servers
def test_every_neutral_signal_without_series_says_what_it_blinds(
    client: httpx.Client, prometheus: Prometheus
):
    finding = look(client, prometheus=prometheus.url)["llm:queue_depth"]

    assert ("no series", "requests waiting") == (finding.seen, finding.blinds)


@pytest.mark.servers
def test_an_alertmanager_with_our_routes_is_well(client: httpx.Client, alertmanager: Alertmanager):
    found = look(client, alertmanager=alertmanager.url)

    assert found["Alertmanager"].ok
    assert found["Alertmanager → watch"].ok


@pytest.mark.servers
def test_an_elasticsearch_without_spans_says_what_that_blinds(
    client: httpx.Client, elasticsearch: Elasticsearch
):
    found = look(client, elasticsearch=elasticsearch.url)

    assert found["Elasticsearch"].ok
    assert "8." in found["Elasticsearch"].seen
    assert "Elasticsearch traces" in found


@pytest.mark.parametrize(
    ("mode", "place"),
    [
        *itertools.product(
            ("429", "503", "garbage", "hang"), ("prometheus", "alertmanager", "elasticsearch")
        ),
        *((mode, "watch") for mode in ("429", "503", "hang")),  # its status is all that is asked
    ],
)
def test_bad_weather_is_one_finding_and_never_an_exception(
    client: httpx.Client, mode: str, place: str
):
    client.timeout = httpx.Timeout(0.3)
    with relay(mode=mode) as server:
        found = look(client, **{place: server.url})

    bad = [f for f in found.values() if not f.ok and server.url in f.seen]
    assert 1 == len(bad)
    assert bad[0].blinds
    assert bad[0].remedy


def test_an_old_prometheus_is_told_to_upgrade(client: httpx.Client):
    body = b'{"data": {"version": "2.30.3"}}'
    with relay(mode="fixed", body=body) as server:
        finding = next(iter(examine(Places(server.url, NOWHERE, None, NOWHERE), client)))

    assert (
        Finding(
            "Prometheus",
            ok=False,
            seen="version 2.30.3",
            blinds="rules that an older version cannot read",
            remedy="upgrade to 2.42 or later",
        )
        == finding
    )


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (httpx.Response(503), "answers 503 Service Unavailable"),
        (
            httpx.Response(200, text="<html>"),
            "answers, and not as Prometheus does (JSONDecodeError: ",
        ),
        (
            httpx.Response(200, json={"data": {}}),
            "answers, and not as Prometheus does (KeyError: 'version')",
        ),
    ],
)
def test_what_a_server_said_that_is_not_well_is_told(answer: httpx.Response, seen: str):
    with httpx.Client(transport=httpx.MockTransport(lambda _: answer)) as client:
        found = {
            one.subject: one for one in examine(Places(NOWHERE, NOWHERE, None, NOWHERE), client)
        }

    assert found["Prometheus"].seen.startswith(f"{NOWHERE}: {seen}")


def test_the_remedy_for_a_watch_that_is_away_names_keys_that_there_are(client: httpx.Client):
    found = {one.subject: one for one in examine(Places(NOWHERE, NOWHERE, None, NOWHERE), client)}

    assert found["watch"].remedy == "start it, or correct watch.host and watch.port in the config"
