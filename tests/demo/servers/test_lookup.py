import socket
import stat
from pathlib import Path

import pytest

from demo.servers.lookup import ALERTMANAGER, NODE_EXPORTER, PROMETHEUS, check_reachable
from demo.servers.run_folder import HOST, RunFolder
from exporters.errors import ServerMissingError


def program(path: Path) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_program_on_path_is_found_under_any_of_its_names(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("BUSYSIGNAL_ALERTMANAGER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    path = program(tmp_path / "alertmanager")

    assert ALERTMANAGER.find() == path


def test_the_environment_goes_before_path(tmp_path: Path, monkeypatch):
    program(tmp_path / "prometheus")
    mine = program(tmp_path / "prometheus-3")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("BUSYSIGNAL_PROMETHEUS", str(mine))

    assert PROMETHEUS.find() == mine


def test_a_missing_program_is_told_with_what_to_install(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("BUSYSIGNAL_NODE_EXPORTER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ServerMissingError) as error:
        NODE_EXPORTER.find()

    assert str(error.value) == (
        "node_exporter is not installed (looked for prometheus-node-exporter and node_exporter "
        "on PATH); set BUSYSIGNAL_NODE_EXPORTER to its path, "
        "or run: apt-get install prometheus-node-exporter"
    )


def test_a_wrong_path_in_the_environment_is_named_and_never_replaced(monkeypatch):
    monkeypatch.setenv("BUSYSIGNAL_PROMETHEUS", "/no/such/thing")

    with pytest.raises(ServerMissingError) as error:
        PROMETHEUS.find()

    assert str(error.value) == (
        "BUSYSIGNAL_PROMETHEUS = '/no/such/thing' is not a program that can be run; "
        "give the path of Prometheus, or unset it to search PATH"
    )


def test_a_url_that_refuses_is_told(tmp_path: Path):
    url = f"http://{HOST}:{RunFolder(tmp_path).free_port()}"

    with pytest.raises(ServerMissingError) as error:
        check_reachable("elasticsearch", url)

    assert str(error.value) == (
        f"elasticsearch at {url} does not answer ([Errno 111] Connection refused); "
        "correct the url, or leave it out to start one here"
    )


def test_a_url_that_hangs_is_given_up():
    with socket.socket() as deaf:
        deaf.bind((HOST, 0))
        deaf.listen()
        url = f"http://{HOST}:{deaf.getsockname()[1]}"

        with pytest.raises(ServerMissingError, match="does not answer"):
            check_reachable("elasticsearch", url, timeout=0.2)


def test_a_url_that_is_none_is_told():
    with pytest.raises(ServerMissingError, match="correct the url"):
        check_reachable("elasticsearch", "localhost:9200")
