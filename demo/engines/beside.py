"""The host's side of an engine that tells nothing of it: its process and cgroup, from beside it."""

from __future__ import annotations

import threading

import psutil

from demo.servers.run_folder import HOST
from exporters.catalog.foreign import PROCESS_START
from exporters.exposition.gate import OpenGate
from exporters.exposition.http import Server
from exporters.exposition.page import Exposition
from exporters.exposition.server import bind
from exporters.exposition.text import header, sample_prefix
from exporters.host import HostSource


class Beside:
    """Serves /metrics about the process `pid` on `port` of this machine until `stop`.

    What a container runtime's exporter is to an engine that carries none of ours.
    """

    def __init__(self, pid: int, port: int) -> None:
        self.address = f"{HOST}:{port}"
        page = Exposition(HostSource(pid=pid), _Start(pid))
        self._server = Server(bind(HOST, port), page, lambda: True, OpenGate())
        self._thread = threading.Thread(
            target=self._server.serve_forever, name=f"beside-{pid}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and free the port; twice is harmless."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Start:
    """When the process started: not this one's start, which a page tells otherwise."""

    def __init__(self, pid: int) -> None:
        self._at = psutil.Process(pid).create_time()

    def collect_text(self) -> str:
        return f"{header(PROCESS_START)}{sample_prefix(PROCESS_START, '', ())}{self._at!r}\n"
