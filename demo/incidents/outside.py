"""Troubles that no kind of the catalogue covers: an honest verdict abstains."""

from __future__ import annotations

from random import Random

from demo.incidents.faults import Break, Draw
from demo.incidents.world import World


def _gateway_lock(world: World, rng: Random) -> Break:
    """Every request waits inside the gateway, before any queue that is measured."""
    seconds = rng.uniform(3.0, 9.0)

    def turn(level: float) -> None:
        world.gateway.stalled_seconds = level * seconds

    return Break(("gateway",), seconds, turn)


def _certificate(world: World, rng: Random) -> Break:
    """The gateway fails before it asks anybody: a certificate that ran out, a broken parser."""
    share = rng.uniform(0.25, 0.9)

    def turn(level: float) -> None:
        world.gateway.internal_errors = level * share

    return Break(("gateway",), share, turn)


def _hang_ups(world: World, rng: Random) -> Break:
    """Users leave while the service is well, and come no more: a broken front end."""
    share = rng.uniform(0.5, 0.9)

    def turn(level: float) -> None:
        world.gateway.hang_ups = 0.01 + level * share
        world.arrivals.factor = 1.0 - 0.6 * level

    return Break(("clients",), share, turn)


OUTSIDE: dict[str, Draw] = {
    "gateway_lock": _gateway_lock,
    "certificate": _certificate,
    "hang_ups": _hang_ups,
}
