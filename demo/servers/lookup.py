"""Where a server comes from: a URL, a program named in the environment, or one on PATH."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from exporters.errors import ServerMissingError


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program that others ship: its names, the variable that overrides them, its package."""

    name: str
    names: Sequence[str]
    variable: str
    package: str

    def find(self) -> Path:
        """The program's path: from the environment variable, else the first name on PATH.

        Raises ServerMissingError naming what to install.
        """
        if named := os.environ.get(self.variable):
            if found := shutil.which(named):
                return Path(found)
            raise ServerMissingError(
                f"{self.variable} = {named!r} is not a program that can be run; "
                f"give the path of {self.name}, or unset it to search PATH"
            )
        for name in self.names:
            if found := shutil.which(name):
                return Path(found)
        raise ServerMissingError(
            f"{self.name} is not installed (looked for {' and '.join(self.names)} on PATH); "
            f"set {self.variable} to its path, or run: apt-get install {self.package}"
        )


PROMETHEUS = Program(
    name="Prometheus",
    names=("prometheus",),
    variable="BUSYSIGNAL_PROMETHEUS",
    package="prometheus",
)
PROMTOOL = Program(
    name="promtool",
    names=("promtool",),
    variable="BUSYSIGNAL_PROMTOOL",
    package="prometheus",
)
ALERTMANAGER = Program(
    name="Alertmanager",
    names=("prometheus-alertmanager", "alertmanager"),
    variable="BUSYSIGNAL_ALERTMANAGER",
    package="prometheus-alertmanager",
)
AMTOOL = Program(
    name="amtool",
    names=("amtool",),
    variable="BUSYSIGNAL_AMTOOL",
    package="prometheus-alertmanager",
)
NODE_EXPORTER = Program(
    name="node_exporter",
    names=("prometheus-node-exporter", "node_exporter"),
    variable="BUSYSIGNAL_NODE_EXPORTER",
    package="prometheus-node-exporter",
)


def check_reachable(name: str, url: str, timeout: float = 5.0) -> None:
    """Return when anything speaks HTTP at `url`, whatever it says: permissions come later.

    Raises ServerMissingError with what went wrong.
    """
    try:
        httpx.get(url, timeout=timeout, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ServerMissingError(
            f"{name} at {url} does not answer ({str(error) or type(error).__name__}); "
            "correct the url, or leave it out to start one here"
        ) from None
