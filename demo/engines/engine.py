"""What the stage asks of an engine: to start replicas of it, and to make one of them suffer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from demo.member import Member
from demo.servers.process import Command
from demo.servers.run_folder import RunFolder
from exporters.telemetry import TelemetrySection

Say = Callable[[str], object]


@dataclass(frozen=True)
class Seat:
    """One replica's place: what it is called, where it listens, and what it may use.

    `settings` are the engine's own, such as the version of a deploy.
    """

    name: str
    number: int
    port: int
    control_port: int
    run: RunFolder
    seed: int = 0
    device_state: Path | None = None
    telemetry: TelemetrySection = field(default_factory=lambda: TelemetrySection(kind="none"))
    settings: Mapping[str, Any] = field(default_factory=dict)


class Engine(Protocol):
    """Replicas that speak OpenAI's completions API, and show `/metrics` beside it."""

    name: ClassVar[str]
    replicas: ClassVar[int]
    load: ClassVar[float]
    """Its arrivals, as a share of those that the demo's own replicas are sent."""
    warm_ups: ClassVar[int]
    """How often its first calls are made before it is quick."""
    has_gpus: ClassVar[bool]
    """Whether it runs on the demo's simulated devices."""
    tells_host: ClassVar[bool]
    """Whether its own `/metrics` holds its process's and cgroup's use."""
    keeps_connections: ClassVar[bool]
    """Whether a connection may be used again, as its headers say."""
    health: ClassVar[str]
    """The path that answers 2xx once the replica serves."""
    patience: ClassVar[float]
    """Seconds it may take until then."""

    def set_up(self, say: Say) -> None:
        """Install what is not there yet. Raises ServerMissingError with what to do."""

    def command(self, seat: Seat) -> Command:
        """How one replica is started."""

    def slow(self, replica: Member, factor: float) -> None:
        """Let everything take `factor` times as long, until healed."""

    def stall(self, replica: Member, seconds: float) -> None:
        """Let nothing happen for so long."""

    def heal(self, replica: Member) -> None:
        """Undo `slow` and `stall`."""

    def let_go(self, replica: Member) -> None:
        """Whatever holds its process holds it no more, so that it can be stopped in order."""
