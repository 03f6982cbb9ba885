"""The stage of a demo run: the service and its load as processes, started, changed, stopped."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from alerts.prometheus_config import Target
from demo.cgroup import ProcessCgroup
from demo.load.generator import LoadConfig
from demo.servers.process import Command, ServerProcess
from demo.servers.run_folder import HOST, RunFolder
from demo.service.accelerator import Accelerator
from demo.service.config import (
    FeaturesConfig,
    GatewayConfig,
    ProcessConfig,
    ReplicaConfig,
)
from exporters.telemetry import TelemetrySection

STARS = (
    "adhara", "altair", "antares", "bellatrix", "capella", "deneb", "electra", "fomalhaut",
    "hadar", "izar", "kochab", "lesath", "maia", "mirach", "polaris", "regulus", "rigel",
    "sirius", "spica", "vega",
)  # fmt: skip
START_SECONDS = 60.0
WARM_UP = (16, 64, 128)
WARM_UP_AT_ONCE = 6
"""Prompt lengths asked before the load begins, each by so many callers at once."""

HEALTHY: dict[str, dict[str, Any]] = {
    "replica": {"slowdown": 1.0, "stall": 0.0, "silent": False},
    "features": {"seconds": 0.02},
    "load": {
        "arrivals": 1.0, "prompts": 1.0, "outputs": 1.0,
        "backoff": True, "retries": 3, "timeout": 20.0,
    },
}  # fmt: skip
"""What each kind of process is told to be well again."""


@dataclass(frozen=True)
class Member:
    """One process of the stage."""

    module: str
    config: ProcessConfig
    process: ServerProcess

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.config.port}"


class Stage:
    """Features, two replicas, the gateway and the load.

    The seed draws the replicas' names, their weights and the load. Without `device_state` (a file
    of `Accelerator.create` with one GPU for each replica) the stage makes one.
    """

    def __init__(
        self,
        run: RunFolder,
        seed: int,
        *,
        rate: float = 11.0,
        service: str = "chat",
        telemetry: TelemetrySection | None = None,
        device_state: Path | None = None,
    ) -> None:
        self.run, self.seed, self.service, self.rate = run, seed, service, rate
        self.telemetry = telemetry or TelemetrySection(kind="none")
        self.replicas = tuple(random.Random(f"{seed}/names").sample(STARS, 2))
        self.device_state = device_state or self._make_devices()
        self.record = run.folder("load") / f"felt-{seed}.ndjson"
        self.members: dict[str, Member] = {}
        self.cgroups: list[ProcessCgroup] = []

    def start(self) -> Self:
        """Start everything, warm the replicas up, and let the load begin.

        Raises ServerMissingError when a process does not come up; nothing is left running then.
        """
        try:
            self._start_all()
            self._wait_ready()
            self._warm_up()
            self.control("load", run=True)
        except BaseException:  # Ctrl-C, too, must leave nothing running
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the load first and the replicas last, each by its pid."""
        for member in reversed(self.members.values()):
            member.process.stop(grace=5.0)
        for name in self.replicas:
            self.accelerator(name).heal()  # the devices outlive the service
        for cgroup in self.cgroups:
            cgroup.remove()

    @property
    def url(self) -> str:
        """The front door."""
        return self.members["gateway"].url

    @property
    def pids(self) -> dict[str, int]:
        return {name: member.process.pid for name, member in self.members.items()}

    @property
    def targets(self) -> list[Target]:
        """What Prometheus scrapes of the service."""
        return list(self._targets())

    def control(self, name: str, **change: Any) -> dict[str, Any]:
        """Change how one process behaves, over its private port."""
        port = self.members[name].config.control_port
        answer = httpx.post(
            f"http://{HOST}:{port}/control", json=change, timeout=5.0, trust_env=False
        )
        answer.raise_for_status()
        return dict(answer.json())

    def gpu(self, name: str) -> str:
        """The entity of the GPU under one replica."""
        return f"gpu/{self.replicas.index(name)}"

    def accelerator(self, name: str) -> Accelerator:
        """The device under one replica."""
        return Accelerator.attach(self.device_state, self.replicas.index(name))

    def heal(self) -> None:
        """Undo every fault."""
        for name in self.replicas:
            self.accelerator(name).heal()
            self.control(name, **HEALTHY["replica"])
        self.control("features", **HEALTHY["features"])
        self.control("load", **HEALTHY["load"])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _make_devices(self) -> Path:
        state = self.run.folder("device") / f"state-{self.seed}"
        Accelerator.create(state, len(self.replicas), seed=self.seed)
        return state

    def _targets(self) -> Iterator[Target]:
        labels = {"service": self.service}
        for name in ("gateway", *self.replicas):
            port = self.members[name].config.port
            if name == "gateway":
                yield Target("gateway", f"{HOST}:{port}", labels)
            else:
                yield Target("replica", f"{HOST}:{port}", {**labels, "replica": name})

    def _start_all(self) -> None:
        for gpu, name in enumerate(self.replicas):
            config = ReplicaConfig(
                **self._common(name), device_state=self.device_state, gpu=gpu, seed=self.seed
            )
            self._start("demo.service.replica", config)
            cgroup = f"busysignal-{self.run.path.name}-{name}"
            self.cgroups.append(ProcessCgroup(cgroup, self.members[name].process.pid))
        self._start("demo.service.features", FeaturesConfig(**self._common("features")))
        gateway = GatewayConfig(
            **self._common("gateway"),
            replicas={name: self.members[name].url for name in self.replicas},
            features=self.members["features"].url,
        )
        self._start("demo.service.gateway", gateway)
        load = LoadConfig(
            **self._common("load"),
            target=self.members["gateway"].url,
            record=self.record,
            seed=self.seed,
            rate=self.rate,
        )
        self._start("demo.load.generator", load)

    def _common(self, name: str) -> dict[str, Any]:
        ports = {"port": self.run.free_port(), "control_port": self.run.free_port()}
        return {"name": name, "telemetry": self.telemetry, **ports}

    def _start(self, module: str, config: ProcessConfig) -> None:
        path = self.run.folder("service") / f"{config.name}.json"
        path.write_text(config.model_dump_json(indent=2), encoding="utf-8")
        command = Command(
            name=config.name,
            argv=[sys.executable, "-m", module, str(path)],
            log=self.run.log(config.name),
            folder=Path(__file__).parents[1],
        )
        self.members[config.name] = Member(module, config, command.start())

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        for member in self.members.values():
            member.process.wait_ready(f"{member.url}/-/healthy", deadline - time.monotonic())

    def _warm_up(self) -> None:
        """Make every first call before the load does: batches on each replica, then the front door.

        Nobody scrapes yet, so none of it reaches a rate or a quantile.
        """
        doors = [self.members[name].url for name in (*self.replicas, "gateway")]
        with (
            httpx.Client(timeout=10, trust_env=False) as client,
            ThreadPoolExecutor(WARM_UP_AT_ONCE) as pool,
        ):

            def ask(url: str, length: int) -> None:
                body = {"prompt": "a" * length, "max_tokens": 8, "stream": True}
                client.post(f"{url}/v1/completions", json=body).raise_for_status()

            for door in doors:
                for length in WARM_UP:
                    list(pool.map(ask, [door] * WARM_UP_AT_ONCE, [length] * WARM_UP_AT_ONCE))
