"""What is there and is not the cause: chronic troubles and harmless changes."""

from __future__ import annotations

from random import Random

from demo.incidents.shapes import Course
from demo.incidents.world import World


def chronic(world: World, rng: Random) -> list[str]:
    """Ills that were there before and stay: they mean nothing."""
    told = []
    if rng.random() < 0.25:
        upstream = rng.choice(world.gateway.upstreams)
        if not upstream.required:
            upstream.error_share = rng.uniform(0.03, 0.3)
            told.append(f"upstream/{upstream.plan.name} always fails some calls")
    if rng.random() < 0.25:
        replica = rng.choice(world.replicas)
        replica.software = rng.uniform(1.05, 1.25)
        told.append(f"replica/{replica.name} was always a little slower")
    if rng.random() < 0.2:
        replica = rng.choice(world.replicas)
        replica.gpu.clock, replica.gpu.reason = 0.93, "sw_power_cap"
        told.append(f"gpu/{replica.gpu.name} was always at its power cap")
    if rng.random() < 0.15:
        world.node_cpu_extra = rng.uniform(0.1, 0.35)
        told.append("node was always rather busy")
    return told


def changes(world: World, rng: Random, course: Course) -> list[str]:
    """Harmless changes about the time of the onset, or at any other."""
    told = []
    if rng.random() < 0.3:
        replica, at = rng.choice(world.replicas), _about(rng, course)

        def deploy() -> None:
            replica.version = "1.4.3"
            replica.restart(away=rng.uniform(1.0, 4.0))
            world.notes.append(
                (world.kernel.now, replica.name, "an option is deprecated: swap_space")
            )

        _at(world, at, deploy)
        told.append(f"replica/{replica.name} deployed 1.4.3 at {at:.0f}")
    if rng.random() < 0.15:
        at, factor = _about(rng, course), rng.uniform(1.08, 1.2)

        def more() -> None:
            world.arrivals.rate *= factor

        _at(world, at, more)
        told.append(f"clients sent x{factor:.2f} from {at:.0f} on")
    if rng.random() < 0.15:
        at = _about(rng, course)

        def backup() -> None:
            world.node_cpu_extra += 0.15

        _at(world, at, backup)
        told.append(f"node ran a backup from {at:.0f} on")
    return told


def _about(rng: Random, course: Course) -> float:
    near = rng.random() < 0.5
    return course.onset + rng.uniform(-90.0, 60.0) if near else rng.uniform(60.0, course.onset)


def _at(world: World, seconds: float, call: object) -> None:
    assert callable(call)
    world.kernel.later(seconds - world.kernel.now, call)
