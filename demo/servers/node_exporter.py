"""node_exporter: the host's CPU, memory, pressure, disks and network."""

from __future__ import annotations

from typing import ClassVar

from demo.servers.lookup import NODE_EXPORTER
from demo.servers.process import Command
from demo.servers.run_folder import HOST, RunFolder
from demo.servers.server import Server


class NodeExporter(Server):
    """A node_exporter; it keeps no data."""

    name: ClassVar[str] = "node_exporter"
    health: ClassVar[str] = "/"


def start_node_exporter(run: RunFolder, *, port: int = 0, wait: bool = True) -> NodeExporter:
    """Start node_exporter on `port` (0: any free one); with `wait`, until it is ready.

    Raises ServerMissingError when it is not installed, the port is taken, or it does not start.
    """
    binary = NODE_EXPORTER.find()
    port = run.port(NodeExporter.name, port)
    argv = [str(binary), f"--web.listen-address={HOST}:{port}"]
    command = Command(name=NodeExporter.name, argv=argv, log=run.log(NodeExporter.name))
    server = NodeExporter(f"http://{HOST}:{port}", command)
    return server.wait_ready() if wait else server
