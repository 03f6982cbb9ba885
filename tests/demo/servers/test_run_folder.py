import socket
from pathlib import Path

import pytest

from demo.servers import RunFolder
from demo.servers.run_folder import HOST, PORTS
from exporters.errors import ServerMissingError


def test_two_runs_of_one_second_get_folders_of_their_own(tmp_path: Path):
    first, second = RunFolder.create(tmp_path / "runs"), RunFolder.create(tmp_path / "runs")

    assert first.path != second.path
    assert first.path.is_dir()
    assert second.path.is_dir()


def test_a_server_gets_its_log_and_its_folder_inside_the_run(tmp_path: Path):
    run = RunFolder(tmp_path)

    assert run.log("prometheus") == tmp_path / "logs" / "prometheus.log"
    assert run.folder("a", "b").is_dir()


def test_free_ports_are_all_different_and_can_be_bound(tmp_path: Path):
    run = RunFolder(tmp_path)
    ports = [run.free_port() for _ in range(50)]

    assert len(set(ports)) == 50
    assert set(ports) <= set(PORTS)
    for port in ports:
        with socket.socket() as listener:
            listener.bind((HOST, port))


def test_a_port_that_is_wanted_and_free_is_given(tmp_path: Path):
    run = RunFolder(tmp_path)
    port = RunFolder(tmp_path).free_port()

    assert run.port("prometheus", port) == port


def test_a_port_that_is_taken_is_named(tmp_path: Path):
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]

        with pytest.raises(ServerMissingError) as error:
            RunFolder(tmp_path).port("prometheus", port)

    assert str(error.value) == (
        f"prometheus cannot listen on 127.0.0.1:{port}: the port is taken; "
        "stop what listens there, or give port 0 for any free one"
    )
