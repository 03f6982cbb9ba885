"""The demo's own replica: a small transformer on a simulated device, with faults built in."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from demo.engines.engine import Say, Seat
from demo.member import Member, own_command
from demo.servers.process import Command
from demo.service.config import ReplicaConfig

HEALTHY: Final[dict[str, Any]] = {
    "slowdown": 1.0, "stall": 0.0, "silent": False, "leaking": 0.0,
}  # fmt: skip
"""What a replica is told to be well again."""


class Tiny:
    """Nothing to set up: it is part of the demo."""

    name: ClassVar = "tiny"
    replicas: ClassVar = 2
    load: ClassVar = 1.0
    warm_ups: ClassVar = 1
    has_gpus: ClassVar = True
    tells_host: ClassVar = True
    keeps_connections: ClassVar = True
    health: ClassVar = "/-/healthy"
    patience: ClassVar = 60.0

    def set_up(self, say: Say) -> None:
        """Do nothing."""

    def command(self, seat: Seat) -> Command:
        """A process of our own on the seat's device."""
        config = ReplicaConfig(
            name=seat.name,
            port=seat.port,
            control_port=seat.control_port,
            telemetry=seat.telemetry,
            device_state=seat.device_state,
            gpu=seat.number,
            seed=seat.seed,
            **seat.settings,
        )
        return own_command("demo.service.replica", config, seat.run)

    def slow(self, replica: Member, factor: float) -> None:
        """Its kernels take longer."""
        replica.tell(slowdown=factor)

    def stall(self, replica: Member, seconds: float) -> None:
        """Its engine stops between two steps."""
        replica.tell(stall=seconds)

    def heal(self, replica: Member) -> None:
        """As it began."""
        replica.tell(**HEALTHY)

    def let_go(self, replica: Member) -> None:
        """Nothing holds it."""
