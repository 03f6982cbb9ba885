import os
import pwd
import socket
import time
from pathlib import Path

import httpx
import pytest

from demo.servers import (
    Elasticsearch,
    Prometheus,
    RunFolder,
    Server,
    start_elasticsearch,
    start_node_exporter,
    start_prometheus,
)
from demo.servers.elasticsearch import USER, find_home
from demo.servers.run_folder import HOST
from exporters.errors import ServerMissingError, UsageError
from tests.servers import StartAlertmanager, StartPrometheus

pytestmark = pytest.mark.servers

PROMETHEUS_CONFIG = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
  - {job_name: nobody, static_configs: [{targets: ["127.0.0.1:9"]}]}
"""
RULES = """
groups:
  - name: down
    rules:
      - {alert: Down, expr: 'min_over_time(up{job="nobody"}[10m]) == 0'}
"""
ALERTMANAGER_CONFIG = """
route: {receiver: nobody}
receivers: [{name: nobody}]
"""


@pytest.fixture
def prometheus_config(tmp_path: Path) -> Path:
    (tmp_path / "rules.yml").write_text(RULES)
    path = tmp_path / "prometheus.yml"
    path.write_text(PROMETHEUS_CONFIG)
    return path


def query(server: Prometheus, expression: str) -> list:
    answer = httpx.get(f"{server.url}/api/v1/query", params={"query": expression})
    return answer.json()["data"]["result"]


def loaded(server: Prometheus) -> str:
    return httpx.get(f"{server.url}/api/v1/status/config").json()["data"]["yaml"]


def wait_for(look, patience=15.0):
    deadline = time.monotonic() + patience
    while not (seen := look()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return seen


def refused(server: Server) -> bool:
    try:
        httpx.get(server.url)
    except httpx.ConnectError:
        return True
    return False


def test_prometheus_answers_until_it_is_stopped(
    start_prometheus: StartPrometheus, prometheus_config: Path
):
    server = start_prometheus(prometheus_config)
    build = httpx.get(f"{server.url}/api/v1/status/buildinfo").json()["data"]
    assert int(build["version"].split(".")[0]) >= 2
    assert server.process is not None
    assert server.process.running

    server.stop()

    assert not server.process.running
    assert refused(server)


def test_prometheus_forgets_samples_and_alerts(
    start_prometheus: StartPrometheus, prometheus_config: Path
):
    server = start_prometheus(prometheus_config)
    wait_for(lambda: query(server, 'ALERTS{alertname="Down"}'))
    began = time.time()

    server.forget_everything()

    assert not query(server, f'{{__name__=~".+"}} @ {began:.3f}')
    kept = wait_for(lambda: query(server, '{__name__=~".+"}[1h]'))
    assert all(when >= began for series in kept for when, _ in series["values"])


def test_prometheus_reads_its_configuration_again(
    start_prometheus: StartPrometheus, prometheus_config: Path
):
    server = start_prometheus(prometheus_config)
    prometheus_config.write_text(PROMETHEUS_CONFIG.replace("nobody", "somebody"))

    server.reload()

    assert "job_name: somebody" in loaded(server)


def test_a_configuration_that_prometheus_refuses_is_told_and_the_old_one_stays(
    start_prometheus: StartPrometheus, prometheus_config: Path
):
    server = start_prometheus(prometheus_config)
    prometheus_config.write_text("scrape: {}")

    with pytest.raises(UsageError, match=r"^prometheus refuses its configuration: .*scrape") as e:
        server.reload()

    assert str(e.value).endswith("; correct the file, what was loaded before still runs")
    assert "job_name: nobody" in loaded(server)


def test_prometheus_that_cannot_start_is_told_in_its_own_words(
    start_prometheus: StartPrometheus, tmp_path: Path
):
    config = tmp_path / "prometheus.yml"
    config.write_text("scrape: {}")

    with pytest.raises(ServerMissingError, match="field scrape not found") as error:
        start_prometheus(config)

    assert str(error.value).startswith("prometheus stopped at its start with exit code 2: ")
    assert "\n" not in str(error.value)


def test_a_server_on_a_port_that_is_taken_is_not_started(
    start_prometheus: StartPrometheus, prometheus_config: Path
):
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]

        with pytest.raises(ServerMissingError, match=f"127.0.0.1:{port}: the port is taken"):
            start_prometheus(prometheus_config, port=port)


def test_a_missing_prometheus_is_told_before_anything_starts(
    run_folder: RunFolder, prometheus_config: Path, monkeypatch
):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("BUSYSIGNAL_PROMETHEUS", raising=False)

    with pytest.raises(ServerMissingError, match="run: apt-get install prometheus$"):
        start_prometheus(run_folder, prometheus_config)


def test_alertmanager_answers_and_forgets_its_alerts(
    start_alertmanager: StartAlertmanager, tmp_path: Path
):
    config = tmp_path / "alertmanager.yml"
    config.write_text(ALERTMANAGER_CONFIG)
    server = start_alertmanager(config)
    alerts = f"{server.url}/api/v2/alerts"
    httpx.post(alerts, json=[{"labels": {"alertname": "Down"}}]).raise_for_status()
    assert len(httpx.get(alerts).json()) == 1

    server.forget_everything()

    assert httpx.get(alerts).json() == []


def test_node_exporter_tells_of_the_host(node_exporter_binary: Path, run_folder: RunFolder):
    with start_node_exporter(run_folder) as server:
        text = httpx.get(f"{server.url}/metrics", timeout=10).text

    assert "node_load1 " in text
    assert refused(server)


def test_elasticsearch_takes_and_finds_a_document(elasticsearch: Elasticsearch):
    index = f"{elasticsearch.url}/servers-find"
    httpx.post(f"{index}/_doc?refresh=true", json={"body": "busy"}, timeout=30).raise_for_status()

    found = httpx.get(f"{index}/_search?q=body:busy", timeout=30).json()

    assert found["hits"]["total"]["value"] == 1


def test_elasticsearch_forgets_every_index(elasticsearch_home: Path, tmp_path: Path):
    with start_elasticsearch(RunFolder(tmp_path)) as server:
        index = f"{server.url}/servers-forget"
        httpx.post(f"{index}/_doc?refresh=true", json={}, timeout=30).raise_for_status()

        server.forget_everything()

        assert httpx.get(index).status_code == 404
    assert refused(server)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's data lies outside the run folder")
def test_elasticsearch_started_by_root_leaves_nothing_outside_the_run_folder(
    elasticsearch_home: Path, tmp_path: Path
):
    before = set(Path("/var/tmp").glob("busysignal-es-*"))
    with start_elasticsearch(RunFolder(tmp_path), wait=False):
        ours = set(Path("/var/tmp").glob("busysignal-es-*")) - before
        assert ours

    assert not any(path.exists() for path in ours)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must hand Elasticsearch to another user")
def test_elasticsearch_started_by_root_runs_as_its_own_user(elasticsearch: Elasticsearch):
    status = Path(f"/proc/{elasticsearch.process.pid}/status").read_text()
    uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]

    assert set(uids) == {str(pwd.getpwnam(USER).pw_uid)}


def test_elasticsearch_of_the_operator_is_used_and_never_stopped(
    elasticsearch: Elasticsearch, tmp_path: Path
):
    with start_elasticsearch(RunFolder(tmp_path), url=elasticsearch.url) as theirs:
        assert theirs.process is None
        with pytest.raises(UsageError) as error:
            theirs.forget_everything()

    assert str(error.value) == (
        f"elasticsearch at {elasticsearch.url} is not ours to empty; "
        "leave its url out of the config"
    )

    assert httpx.get(f"{elasticsearch.url}/_cluster/health").is_success


def test_a_missing_elasticsearch_is_told_with_what_to_run(monkeypatch):
    monkeypatch.setenv("ES_HOME", "/no/such/folder")

    with pytest.raises(ServerMissingError) as error:
        find_home()

    assert str(error.value) == (
        "Elasticsearch is not in /no/such/folder; run deploy/fetch_elasticsearch.sh, "
        "or set ES_HOME to an unpacked server, or give the url of a running one"
    )


def test_a_java_home_without_java_is_told(tmp_path: Path, run_folder: RunFolder, monkeypatch):
    home = tmp_path / "es"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "elasticsearch").touch()
    monkeypatch.setenv("ES_HOME", str(home))
    monkeypatch.setenv("ES_JAVA_HOME", str(tmp_path))

    with pytest.raises(ServerMissingError, match="ES_JAVA_HOME = .* holds no bin/java"):
        start_elasticsearch(run_folder)
