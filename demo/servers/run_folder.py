"""One folder for everything that one run of the servers writes, and the ports it hands out."""

from __future__ import annotations

import random
import socket
from datetime import UTC, datetime
from pathlib import Path

from exporters.errors import ServerMissingError

HOST = "127.0.0.1"

# Below the range that outgoing connections take their ports from, so that none of them is
# there first between the moment a port is found free and the moment its server binds it.
PORTS = range(20_000, 32_000)


class RunFolder:
    """A run's folder: `logs/NAME.log`, one subfolder for each server, and free ports."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.path.mkdir(parents=True, exist_ok=True)
        self._handed_out: set[int] = set()

    @classmethod
    def create(cls, parent: Path) -> RunFolder:
        """Make a new folder in `parent`, named by the time and told apart by a number."""
        name = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1000):
            path = parent / (f"{name}-{attempt}" if attempt else name)
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return cls(path)
        raise ServerMissingError(f"{parent} holds 1000 runs of this second; give another folder")

    def folder(self, *parts: str) -> Path:
        """The subfolder `parts`, made where it is not there yet."""
        path = self.path.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def log(self, name: str) -> Path:
        """Where the server `name` writes what it prints."""
        return self.folder("logs") / f"{name}.log"

    def free_port(self) -> int:
        """A port on which nothing listens now and that this run has not handed out before."""
        for port in random.sample(PORTS, 200):
            if port not in self._handed_out and port_is_free(port):
                self._handed_out.add(port)
                return port
        raise ServerMissingError(
            f"no free port among 200 tried on {HOST} ({PORTS[0]}-{PORTS[-1]}); stop what listens"
        )

    def port(self, server: str, wanted: int = 0) -> int:
        """`wanted` if nothing listens there, or any free port for 0.

        Raises ServerMissingError naming the port that is taken.
        """
        if wanted == 0:
            return self.free_port()
        if not port_is_free(wanted):
            raise ServerMissingError(
                f"{server} cannot listen on {HOST}:{wanted}: the port is taken; "
                "stop what listens there, or give port 0 for any free one"
            )
        self._handed_out.add(wanted)
        return wanted


def port_is_free(port: int) -> bool:
    """Whether a server could bind `port` now."""
    with socket.socket() as listener:
        # as servers do: connections that linger from the last one are no hindrance
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
        return True
