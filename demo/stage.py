"""The stage of a demo run: the service and its load as processes, started, changed, stopped."""

from __future__ import annotations

import contextlib
import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

from alerts.prometheus_config import Target
from demo.cgroup import ProcessCgroup
from demo.load.generator import LoadConfig
from demo.servers.process import Command, ServerProcess
from demo.servers.run_folder import HOST, RunFolder
from demo.service.accelerator import Accelerator
from demo.service.config import (
    CacheConfig,
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
    "replica": {"slowdown": 1.0, "stall": 0.0, "silent": False, "leaking": 0.0},
    "features": {"seconds": 0.02},
    "gateway": {"rate_limit": 150.0},
    "load": {
        "arrivals": 1.0, "prompts": 1.0, "outputs": 1.0, "hang_ups": 0.02,
        "backoff": True, "retries": 3, "timeout": 20.0,
    },
}  # fmt: skip
"""What each kind of process is told to be well again."""


Follow = Callable[[Sequence[Target]], None]
"""Called when the stage's targets changed; returns once these and no others are scraped."""


def _nobody(targets: Sequence[Target]) -> None:
    """Nobody scrapes."""


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
    of `Accelerator.create` with one GPU for each replica) the stage makes one. Where a share of
    the users `repeats` what others asked, a cache of answers stands before the model.
    """

    def __init__(
        self,
        run: RunFolder,
        seed: int,
        *,
        rate: float = 11.0,
        repeats: float = 0.0,
        service: str = "chat",
        telemetry: TelemetrySection | None = None,
        device_state: Path | None = None,
    ) -> None:
        self.run, self.seed, self.service = run, seed, service
        self.rate, self.repeats = rate, repeats
        self.telemetry = telemetry or TelemetrySection(kind="none")
        self.replicas = tuple(random.Random(f"{seed}/names").sample(STARS, 2))
        self.device_state = device_state or self._make_devices()
        self.record = run.folder("load") / f"felt-{seed}.ndjson"
        self.members: dict[str, Member] = {}
        self.retired: list[Member] = []
        self.cgroups: dict[str, ProcessCgroup] = {}
        self.follow: Follow = _nobody

    def start(self) -> Self:
        """Start everything, warm the replicas up, and let the load begin.

        Raises ServerMissingError when a process does not come up; nothing is left running then.
        """
        try:
            self._start_all()
            self._wait_ready()
            self._warm_up([self.members[name].url for name in (*self.replicas, "gateway")])
            self.control("load", run=True)
        except BaseException:  # Ctrl-C, too, must leave nothing running
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the load first and the replicas last, each by its pid."""
        for member in (*reversed(self.members.values()), *self.retired):
            member.process.stop(grace=5.0)
        for name in self.replicas:
            self.accelerator(name).heal()  # the devices outlive the service
        for cgroup in self.cgroups.values():
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
        return [self._target(self.members[name]) for name in ("gateway", *self.replicas)]

    def control(self, name: str, **change: Any) -> dict[str, Any]:
        """Change how one process behaves, over its private port."""
        return self._control(self.members[name], **change)

    def _control(self, member: Member, **change: Any) -> dict[str, Any]:
        port = member.config.control_port
        answer = httpx.post(
            f"http://{HOST}:{port}/control", json=change, timeout=5.0, trust_env=False
        )
        answer.raise_for_status()
        return dict(answer.json())

    def replace(self, name: str, *, warm: bool = True, **changes: Any) -> float:
        """Roll one replica over to a new process; return when it took over (Unix time).

        The new one starts beside the old one, is scraped, and takes its place; then the old one
        is let go. Without `warm` nobody calls it before users do.
        """
        old = self.members[name]
        fresh = {"port": self.run.free_port(), "control_port": self.run.free_port()}
        self.retired.append(old)
        self._start_replica(ReplicaConfig(**{**dict(old.config), **fresh, **changes}))
        new = self.members[name]
        new.process.wait_ready(f"{new.url}/-/healthy", START_SECONDS)
        if warm:
            self._warm_up([new.url])
        self.follow([*self.targets, self._target(old)])
        self.control("gateway", replicas={name: new.url})
        took_over = time.time()
        self._control(old, draining=True)
        self.follow(self.targets)
        old.process.stop(grace=5.0)
        return took_over

    def cpu_used(self, name: str, seconds: float = 2.0) -> float:
        """How many cores' worth of time one replica uses, watched for so long."""
        process = psutil.Process(self.members[name].process.pid)
        process.cpu_percent()
        time.sleep(seconds)
        return float(process.cpu_percent()) / 100

    def limit_cpu(self, name: str, cores: float) -> None:
        """Give one replica's processes a CPU quota. Raises ServerMissingError without a cgroup."""
        self.cgroups[f"{name}-{self.members[name].process.pid}"].limit_cpu(cores)

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
        for name in ("features", "gateway", "load"):
            self.control(name, **HEALTHY[name])

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

    def _target(self, member: Member) -> Target:
        address = member.url.removeprefix("http://")
        labels = {"service": self.service}
        if member.config.name == "gateway":
            return Target("gateway", address, labels)
        return Target("replica", address, {**labels, "replica": member.config.name})

    def _start_all(self) -> None:
        for gpu, name in enumerate(self.replicas):
            config = ReplicaConfig(
                **self._common(name), device_state=self.device_state, gpu=gpu, seed=self.seed
            )
            self._start_replica(config)
        self._start("demo.service.features", FeaturesConfig(**self._common("features")))
        if self.repeats:
            self._start("demo.service.cache", CacheConfig(**self._common("cache")))
        gateway = GatewayConfig(
            **self._common("gateway"),
            replicas={name: self.members[name].url for name in self.replicas},
            features=self.members["features"].url,
            cache=self.members["cache"].url if self.repeats else None,
        )
        self._start("demo.service.gateway", gateway)
        load = LoadConfig(
            **self._common("load"),
            target=self.members["gateway"].url,
            record=self.record,
            seed=self.seed,
            rate=self.rate,
            repeats=self.repeats,
        )
        self._start("demo.load.generator", load)

    def _start_replica(self, config: ReplicaConfig) -> None:
        self._start("demo.service.replica", config)
        pid = self.members[config.name].process.pid
        self.cgroups[f"{config.name}-{pid}"] = ProcessCgroup(
            f"busysignal-{self.run.path.name}-{config.name}-{pid}", pid
        )

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

    def _warm_up(self, doors: Sequence[str]) -> None:
        """Make every first call before the load does: batches on each replica, then the front door.

        Nobody scrapes yet, so none of it reaches a rate or a quantile.
        """
        with (
            httpx.Client(timeout=10, trust_env=False) as client,
            ThreadPoolExecutor(WARM_UP_AT_ONCE) as pool,
        ):

            def ask(url: str, length: int) -> None:
                body = {"prompt": "a" * length, "max_tokens": 8, "stream": True}
                # Who warms up does not read the answers, so a bad version passes.
                with contextlib.suppress(httpx.RemoteProtocolError):
                    client.post(f"{url}/v1/completions", json=body).raise_for_status()

            for door in doors:
                for length in WARM_UP:
                    list(pool.map(ask, [door] * WARM_UP_AT_ONCE, [length] * WARM_UP_AT_ONCE))
