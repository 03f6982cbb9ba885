"""The stage of a demo run: the service and its load as processes, started, changed, stopped."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from alerts.prometheus_config import Target
from demo.cgroup import ProcessCgroup
from demo.engines import Engine, Seat
from demo.engines.beside import Beside
from demo.engines.tiny import HEALTHY as HEALTHY_REPLICA
from demo.engines.tiny import Tiny
from demo.load.generator import LoadConfig
from demo.member import Member, own_command
from demo.servers.process import Command
from demo.servers.run_folder import RunFolder
from demo.service.accelerator import Accelerator
from demo.service.config import CacheConfig, FeaturesConfig, GatewayConfig, ProcessConfig
from demo.warm_up import warm_up
from exporters.telemetry import TelemetrySection

STARS = (
    "adhara", "altair", "antares", "bellatrix", "capella", "deneb", "electra", "fomalhaut",
    "hadar", "izar", "kochab", "lesath", "maia", "mirach", "polaris", "regulus", "rigel",
    "sirius", "spica", "vega",
)  # fmt: skip
START_SECONDS = 60.0

HEALTHY: dict[str, dict[str, Any]] = {
    "replica": HEALTHY_REPLICA,
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


class Stage:
    """Features, the engine's replicas, the gateway and the load.

    The seed draws the replicas' names, their weights and the load. Without `device_state` (a file
    of `Accelerator.create` with one GPU for each replica) the stage makes one. Where a share of
    the users `repeats` what others asked, a cache of answers stands before the model. `rate` is
    what the demo's own replicas are sent a second; another engine gets its share of that.
    """

    def __init__(
        self,
        run: RunFolder,
        seed: int,
        *,
        engine: Engine | None = None,
        rate: float = 11.0,
        repeats: float = 0.0,
        service: str = "chat",
        telemetry: TelemetrySection | None = None,
        device_state: Path | None = None,
    ) -> None:
        self.run, self.seed, self.service = run, seed, service
        self.engine = engine or Tiny()
        self.rate, self.repeats = rate * self.engine.load, repeats
        self.telemetry = telemetry or TelemetrySection(kind="none")
        names = random.Random(f"{seed}/names").sample(STARS, self.engine.replicas)
        self.replicas = tuple(names)
        self.device_state = device_state or self._make_devices()
        self.record = run.folder("load") / f"felt-{seed}.ndjson"
        self.members: dict[str, Member] = {}
        self.retired: list[Member] = []
        self.beside: dict[str, Beside] = {}
        self._seats: dict[str, Seat] = {}
        self.cgroups: dict[str, ProcessCgroup] = {}
        self.follow: Follow = _nobody

    def start(self) -> Self:
        """Start everything, warm the replicas up, and let the load begin.

        Raises ServerMissingError when a process does not come up; nothing is left running then.
        """
        try:
            self._start_all()
            self._wait_ready()
            replicas = [self.members[name].url for name in self.replicas]
            warm_up([*replicas * self.engine.warm_ups, self.url])
            self.control("load", run=True)
        except BaseException:  # Ctrl-C, too, must leave nothing running
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the load first and the replicas last, each by its pid."""
        for name in self._seats:
            self.engine.let_go(self.members[name])
        for member in (*reversed(self.members.values()), *self.retired):
            member.process.stop(grace=5.0)
        self._heal_devices()  # they outlive the service
        for cgroup in self.cgroups.values():
            cgroup.remove()
        for beside in self.beside.values():
            beside.stop()

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
        labels = {"service": self.service}
        gateway = Target("gateway", self.members["gateway"].address, labels)
        replicas = [self._target(self.members[name]) for name in self.replicas]
        beside = [
            Target("replica", one.address, {**labels, "replica": name})
            for name, one in self.beside.items()
        ]
        return [gateway, *replicas, *beside]

    def control(self, name: str, **change: Any) -> dict[str, Any]:
        """Change how one process behaves, over its private port."""
        return self.members[name].tell(**change)

    def slow(self, name: str, factor: float) -> None:
        """Let everything in one replica take `factor` times as long."""
        self.engine.slow(self.members[name], factor)

    def stall(self, name: str, seconds: float) -> None:
        """Let nothing happen in one replica for so long."""
        self.engine.stall(self.members[name], seconds)

    def replace(self, name: str, *, warm: bool = True, **changes: Any) -> float:
        """Roll one replica over to a new process; return when it took over (Unix time).

        The new one starts beside the old one, is scraped, and takes its place; then the old one
        is let go. Without `warm` nobody calls it before users do.
        """
        old, seat = self.members[name], self._seats[name]
        self.retired.append(old)
        fresh = replace(
            seat,
            port=self.run.free_port(),
            control_port=self.run.free_port(),
            settings={**seat.settings, **changes},
        )
        self._start_replica(fresh)
        new = self.members[name]
        new.process.wait_ready(f"{new.url}{self.engine.health}", self.engine.patience)
        if warm:
            warm_up([new.url])
        self.follow([*self.targets, self._target(old)])
        self.control("gateway", replicas={name: new.url})
        took_over = time.time()
        old.tell(draining=True)
        self.follow(self.targets)
        old.process.stop(grace=5.0)
        return took_over

    def cpu_used(self, name: str, seconds: float = 2.0) -> float:
        """How many cores' worth of time one replica uses, watched for so long."""
        leader = psutil.Process(self.members[name].process.pid)
        processes = [leader, *leader.children(recursive=True)]
        for process in processes:
            process.cpu_percent()
        time.sleep(seconds)
        return sum(float(process.cpu_percent()) for process in processes) / 100

    def limit_cpu(self, name: str, cores: float) -> None:
        """Give one replica's processes a CPU quota. Raises ServerMissingError without a cgroup."""
        self.cgroups[f"{name}-{self.members[name].process.pid}"].limit_cpu(cores)

    def gpu(self, name: str) -> str:
        """The entity of the GPU under one replica."""
        return f"gpu/{self.replicas.index(name)}"

    def accelerator(self, name: str) -> Accelerator:
        """The device under one replica of an engine that has them."""
        assert self.device_state is not None, f"{self.engine.name} runs on no device"
        return Accelerator.attach(self.device_state, self.replicas.index(name))

    def _heal_devices(self) -> None:
        if self.device_state is not None:
            for name in self.replicas:
                self.accelerator(name).heal()

    def heal(self) -> None:
        """Undo every fault."""
        self._heal_devices()
        for name in self.replicas:
            self.engine.heal(self.members[name])
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

    def _make_devices(self) -> Path | None:
        if not self.engine.has_gpus:
            return None
        state = self.run.folder("device") / f"state-{self.seed}"
        Accelerator.create(state, len(self.replicas), seed=self.seed)
        return state

    def _target(self, member: Member) -> Target:
        return Target("replica", member.address, {"service": self.service, "replica": member.name})

    def _start_all(self) -> None:
        for number, name in enumerate(self.replicas):
            seat = Seat(
                **self._common(name),
                number=number,
                run=self.run,
                seed=self.seed,
                device_state=self.device_state,
            )
            self._start_replica(seat)
        self._start("demo.service.features", FeaturesConfig(**self._common("features")))
        if self.repeats:
            self._start("demo.service.cache", CacheConfig(**self._common("cache")))
        gateway = GatewayConfig(
            **self._common("gateway"),
            replicas={name: self.members[name].url for name in self.replicas},
            features=self.members["features"].url,
            cache=self.members["cache"].url if self.repeats else None,
            keeps_connections=self.engine.keeps_connections,
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

    def _start_replica(self, seat: Seat) -> None:
        member = self._launch(seat.name, seat.port, seat.control_port, self.engine.command(seat))
        self._seats[seat.name] = seat
        pid = member.process.pid
        self.cgroups[f"{seat.name}-{pid}"] = ProcessCgroup(
            f"busysignal-{self.run.path.name}-{seat.name}-{pid}", pid
        )
        if not self.engine.tells_host:
            self.beside[seat.name] = Beside(pid, self.run.free_port())

    def _common(self, name: str) -> dict[str, Any]:
        ports = {"port": self.run.free_port(), "control_port": self.run.free_port()}
        return {"name": name, "telemetry": self.telemetry, **ports}

    def _start(self, module: str, config: ProcessConfig) -> None:
        command = own_command(module, config, self.run)
        self._launch(config.name, config.port, config.control_port, command)

    def _launch(self, name: str, port: int, control_port: int, command: Command) -> Member:
        member = Member(name, port, control_port, command.start())
        self.members[name] = member
        return member

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + max(START_SECONDS, self.engine.patience)
        for name, member in self.members.items():
            health = self.engine.health if name in self.replicas else "/-/healthy"
            member.process.wait_ready(f"{member.url}{health}", deadline - time.monotonic())
