"""What is started beside a healthy service, and the targets under which Prometheus finds it."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import httpx

from alerts.prometheus_config import Target
from demo.cgroup import ProcessCgroup
from demo.companions import settings
from demo.companions.device import LIBRARY_VARIABLE
from demo.companions.pages import PagesConfig
from demo.companions.shop import ShopConfig
from demo.companions.tls import FrontConfig, certificate
from demo.device.scenario import SCENARIO_VARIABLE
from demo.device.shim import build_shim
from demo.device.state import STATE_VARIABLE
from demo.member import Member
from demo.servers.process import Command
from demo.stack import Stack
from demo.stage import Stage
from exporters.catalog.probe import KERNELS, PROBE_BASELINE
from exporters.settings import Section

JOBS = ("client", "forecast", "gpu", "kafka", "probe")
"""Under which companions are scraped, beside those of the service itself."""
START_SECONDS = 60.0
WORKERS = 2
"""Of the shop."""
REFUSED_SHARE = 0.4
"""Of arrivals, once the gateway holds fewer than come."""
LEVEL = {"alert": "LatencyP99High", "entity": "chat", "value": 0.75}
"""What somebody sets while everything runs."""


class Companions:
    """Starts them all around a stage; leaving the `with` block stops them.

    The canary asks the gateway, through TLS as well, and for a model that is not there; the
    forecast learns from the demo's Prometheus; two workers of a shop call with a circuit breaker,
    in a cgroup named as a container's; a machine has a GPU cut by MIG; three stand-ins serve
    what kafka_exporter, a newer vLLM and torch's allocator would.
    """

    def __init__(self, stack: Stack, stage: Stage) -> None:
        self._stack, self._stage = stack, stage
        self.run = stage.run
        self.targets: list[Target] = []
        self._exit = ExitStack()
        self._folder = self.run.folder("companions")
        self._scenario = self._folder / "machine.txt"
        self._holder = 0

    def __enter__(self) -> Self:
        with self._exit:
            self._start()
            self._exit = self._exit.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def disturb(self) -> None:
        """Set a level, let a link go down, and let the gateway refuse some of what arrives."""
        url = f"{self._stack.watch_url}/thresholds"
        httpx.post(url, json=LEVEL, timeout=5.0, trust_env=False).raise_for_status()
        self._tell_machine(link=0)
        self._stage.control("gateway", rate_limit=self._stage.rate * (1 - REFUSED_SHARE))

    def _start(self) -> None:
        url, first = self._stage.url, self._stage.replicas[0]
        shop, *more_shops = [
            self._own_module("shop", lambda port: self._shop(port, url)) for _ in range(WORKERS)
        ]
        self._holder = shop.process.pid
        self._contain(self._holder)
        self._tell_machine(link=1)
        kafka = self._own_module(
            "pages", lambda port: PagesConfig(port=port, stand_in="kafka", of=url)
        )
        engine = self._own_module(
            "pages",
            lambda port: PagesConfig(
                port=port, stand_in="engine", of=self._stage.members[first].url
            ),
        )
        own = self._own_commands()
        for member in (shop, *more_shops, kafka, engine, *own):
            member.process.wait_ready(f"{member.url}/-/healthy", START_SECONDS)
        self._wait_for_baseline(own[-1])
        here = {"service": self._stage.service}
        self.targets += [
            Target("client", shop.address, here),
            Target("kafka", kafka.address),
            Target("replica", engine.address, {**here, "replica": f"{first}-as-vllm"}),
            *(Target(member.name, member.address, here) for member in own),
        ]

    def _own_commands(self) -> list[Member]:
        """BusySignal's own: the GPU exporter of another machine, the forecast, and the probe."""
        library = {LIBRARY_VARIABLE: str(build_shim(self.run.folder("shim")))}
        machine = {**library, SCENARIO_VARIABLE: str(self._scenario)}
        device = {**library, STATE_VARIABLE: str(self._stack.device)}
        whole, key = certificate(self._folder)
        front = self._own_module(
            "tls",
            lambda port: FrontConfig(port=port, target=self._stage.url, certificate=whole, key=key),
        )
        secure = front.url.replace("http:", "https:")
        return [
            self._own("gpu", settings.gpu, environment=machine),
            self._own("forecast", self._forecast, "--serve"),
            self._own(
                "probe",
                lambda port: settings.probe(port, self._stage.url, secure, whole),
                environment=device,
            ),
        ]

    def _shop(self, port: int, url: str) -> ShopConfig:
        return ShopConfig(target=url, port=port, workers=self._folder / "workers")

    def _wait_for_baseline(self, probe: Member) -> None:
        """The probe learns what is normal while nothing else runs on its device."""
        end = time.monotonic() + START_SECONDS
        self._stage.control("load", run=False)
        while time.monotonic() < end:
            page = httpx.get(f"{probe.url}/metrics", timeout=5.0, trust_env=False).text
            if page.count(f"\n{PROBE_BASELINE.name}{{") >= len(KERNELS):
                break
            time.sleep(0.2)
        self._stage.control("load", run=True)

    def _forecast(self, port: int) -> str:
        return settings.forecast(port, self._stack.prometheus.url, self._stage.rate)

    def _own_module(self, name: str, config: Callable[[int], Section]) -> Member:
        port = self.run.free_port()
        path = self._folder / f"{name}-{port}.json"
        path.write_text(config(port).model_dump_json(), encoding="utf-8")
        return self._run(f"{name}-{port}", port, f"demo.companions.{name}", str(path))

    def _own(
        self,
        name: str,
        text: Callable[[int], str],
        *more: str,
        environment: dict[str, str] | None = None,
    ) -> Member:
        port = self.run.free_port()
        path = self._folder / f"{name}.toml"
        path.write_text(text(port), encoding="utf-8")
        arguments = (name, "--config", str(path), *more)
        return self._run(name, port, "busysignal", *arguments, environment=environment)

    def _run(
        self,
        name: str,
        port: int,
        module: str,
        *arguments: str,
        environment: dict[str, str] | None = None,
    ) -> Member:
        command = Command(
            name=name,
            argv=[sys.executable, "-m", module, *arguments],
            log=self.run.log(f"beside-{name}"),
            env={**os.environ, **(environment or {})},
            folder=Path(__file__).parents[2],
        )
        process = command.start()
        self._exit.callback(process.stop, grace=5.0)
        return Member(name, port, 0, process)

    def _contain(self, pid: int) -> None:
        # As Docker names a container's; where no cgroup can be made, no container shows.
        cgroup = ProcessCgroup(f"docker-{secrets.token_hex(32)}.scope", pid)
        self._exit.callback(cgroup.remove)

    def _tell_machine(self, *, link: int) -> None:
        fresh = self._scenario.with_suffix(".new")
        fresh.write_text(settings.machine(holder=self._holder, link=link), encoding="ascii")
        fresh.replace(self._scenario)
