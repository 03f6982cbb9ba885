"""Prometheus from a rendered configuration, with its data in the run folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import httpx

from demo.servers.lookup import PROMETHEUS
from demo.servers.process import Command
from demo.servers.run_folder import HOST, RunFolder
from demo.servers.server import Server
from exporters.errors import UsageError


class Prometheus(Server):
    """A Prometheus whose configuration can be read again and whose data can be thrown away."""

    name: ClassVar[str] = "prometheus"
    health: ClassVar[str] = "/-/ready"

    def forget_everything(self) -> None:
        """Delete every sample up to now; scraping goes on, where a new start pauses it for 5 s.

        An alert that was active ends with the next evaluation, or after its `keep_firing_for`.
        """
        self.ours()
        everything = {"match[]": '{__name__=~".+"}', "end": f"{time.time():.3f}"}
        for act, parameters in (("delete_series", everything), ("clean_tombstones", {})):
            url = f"{self.url}/api/v1/admin/tsdb/{act}"
            answer = httpx.post(url, params=parameters, timeout=30, trust_env=False)
            answer.raise_for_status()

    def reload(self) -> None:
        """Read the configuration and rule files again.

        Raises UsageError with Prometheus' own words when it refuses them.
        """
        answer = httpx.post(f"{self.url}/-/reload", timeout=30, trust_env=False)
        if not answer.is_success:
            raise UsageError(
                f"prometheus refuses its configuration: {' '.join(answer.text.split())}; "
                "correct the file, what was loaded before still runs"
            )


def start_prometheus(
    run: RunFolder,
    config: Path,
    *,
    port: int = 0,
    flags: Sequence[str] = (),
    wait: bool = True,
) -> Prometheus:
    """Start Prometheus with `config` on `port` (0: any free one); with `wait`, until it is ready.

    Raises ServerMissingError when it is not installed, the port is taken, or it does not start.
    """
    binary = PROMETHEUS.find()
    port = run.port(Prometheus.name, port)
    data = run.folder("prometheus")
    argv = [
        str(binary),
        f"--config.file={config.resolve()}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=2d",
        f"--web.listen-address={HOST}:{port}",
        "--web.enable-lifecycle",
        "--web.enable-admin-api",
        "--enable-feature=exemplar-storage",
        *flags,
    ]
    command = Command(name=Prometheus.name, argv=argv, log=run.log(Prometheus.name), folder=data)
    server = Prometheus(f"http://{HOST}:{port}", command)
    return server.wait_ready() if wait else server
