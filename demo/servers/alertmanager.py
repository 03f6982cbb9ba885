"""Alertmanager from a rendered configuration, without peers, its data in the run folder."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from demo.servers.lookup import ALERTMANAGER
from demo.servers.process import Command
from demo.servers.run_folder import HOST, RunFolder
from demo.servers.server import Server


class Alertmanager(Server):
    """An Alertmanager; silences and notification state live in its data folder."""

    name: ClassVar[str] = "alertmanager"
    health: ClassVar[str] = "/-/ready"


def start_alertmanager(
    run: RunFolder, config: Path, *, port: int = 0, wait: bool = True
) -> Alertmanager:
    """Start Alertmanager with `config` on `port` (0: any free one); with `wait`, until it is ready.

    Raises ServerMissingError when it is not installed, the port is taken, or it does not start.
    """
    binary = ALERTMANAGER.find()
    port = run.port(Alertmanager.name, port)
    data = run.folder("alertmanager")
    argv = [
        str(binary),
        f"--config.file={config.resolve()}",
        f"--storage.path={data}",
        f"--web.listen-address={HOST}:{port}",
        "--cluster.listen-address=",  # empty: no peers, no second port
    ]
    command = Command(name=Alertmanager.name, argv=argv, log=run.log(Alertmanager.name))
    server = Alertmanager(f"http://{HOST}:{port}", command, data)
    return server.wait_ready() if wait else server
