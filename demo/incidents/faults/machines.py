"""What breaks in a replica, its process or its GPU."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from demo.incidents.faults.drawn import Break, Draw, anyone, between, once
from demo.incidents.world import World

THERMAL, POWER = "hw_thermal_slowdown", "hw_power_brake_slowdown"
SOFTWARE_POWER = "sw_thermal_slowdown"
XIDS = (48, 63, 79, 94, 95)


def _slow_replica(world: World, rng: Random) -> Break:
    replica, factor = anyone(world, rng), rng.uniform(2.5, 7.0)

    def turn(level: float) -> None:
        replica.software = between(level, factor)
        replica.tune()

    return Break((f"replica/{replica.name}",), factor, turn)


def _throttle(world: World, rng: Random) -> Break:
    replica, clock = anyone(world, rng), rng.uniform(0.15, 0.45)
    reason = rng.choice((THERMAL, POWER, SOFTWARE_POWER))

    def turn(level: float) -> None:
        gpu = replica.gpu
        gpu.clock = between(level, clock)
        gpu.reason = reason if level > 0.1 else ""
        gpu.heat = 0.0 if reason == POWER else 28.0 * level
        replica.tune()

    return Break((f"gpu/{replica.gpu.name}",), 1 / clock, turn)


def _gpu_fault(world: World, rng: Random) -> Break:
    replica, xid = anyone(world, rng), rng.choice(XIDS)
    share = rng.uniform(0.4, 1.0)

    def turn(level: float) -> None:
        if level > 0 and not replica.error_share:
            replica.gpu.xid(xid)
            replica.complaint = ("torch.AcceleratorError", "the engine is dead: CUDA error")
            replica.engine.fail_all()
        replica.gpu.lost = level > 0 and xid == 79
        replica.error_share = share if level > 0 else 0.0

    return Break((f"gpu/{replica.gpu.name}",), share, turn)


def _kernels(world: World, rng: Random) -> Break:
    everywhere, factor = rng.random() < 0.3, rng.uniform(1.8, 5.0)
    hit = world.replicas if everywhere else [anyone(world, rng)]

    def turn(level: float) -> None:
        for replica in hit:
            replica.gpu.kernels = between(level, factor)
            replica.tune()

    return Break(tuple(f"gpu/{one.gpu.name}" for one in hit), factor, turn)


def _cold(world: World, rng: Random) -> Break:
    replica, factor = anyone(world, rng), rng.uniform(4.0, 8.0)
    seconds = rng.uniform(200.0, 600.0)

    def begin() -> None:
        replica.restart(away=rng.uniform(5.0, 25.0), cold=factor, cold_seconds=seconds)

    return Break((f"replica/{replica.name}",), factor, once(begin))


def _starved(world: World, rng: Random) -> Break:
    replica, left = anyone(world, rng), rng.uniform(0.2, 0.45)

    def turn(level: float) -> None:
        replica.cpu_left = between(level, left)
        replica.tune()

    return Break((f"replica/{replica.name}",), 1 / left, turn)


def _leak(world: World, rng: Random) -> Break:
    replica, speed = anyone(world, rng), rng.uniform(6e6, 16e6)

    def turn(level: float) -> None:
        replica.leaking = speed * level

    return Break((f"replica/{replica.name}",), speed / 1e6, turn)


def _oom(world: World, rng: Random) -> Break:
    """Memory shoots up, the kernel kills the process, it comes back and is killed again."""
    replica, speed = anyone(world, rng), rng.uniform(1.5e8, 4e8)

    def grow() -> Iterator[object]:
        while True:
            yield world.kernel.timeout(5.0)
            replica.extra_memory += speed * 5.0
            if replica.extra_memory > 24e9:
                replica.restart(away=rng.uniform(20.0, 60.0))
                world.tell_killed(replica)
                yield world.kernel.timeout(60.0)

    def begin() -> None:
        world.kernel.process(grow())  # type: ignore[arg-type]  # yields timeouts

    return Break((f"replica/{replica.name}",), speed / 1e8, once(begin))


def _deploy(world: World, rng: Random) -> Break:
    replica, share = anyone(world, rng), rng.uniform(0.4, 0.9)

    def begin() -> None:
        replica.restart(away=rng.uniform(2.0, 10.0))
        replica.version = "1.5.0"
        replica.complaint = (rng.choice(("KeyError", "ValueError")), "request could not be served")
        replica.error_share = share

    return Break((f"replica/{replica.name}",), share, once(begin))


def _hot_spot(world: World, rng: Random) -> Break:
    replica, weight = anyone(world, rng), rng.uniform(8.0, 40.0)

    def turn(level: float) -> None:
        replica.weight = between(level, weight)

    return Break((f"replica/{replica.name}",), weight, turn)


def _gap(world: World, rng: Random) -> Break:
    replica = anyone(world, rng)

    def turn(level: float) -> None:
        replica.silent = level > 0

    return Break((f"replica/{replica.name}",), 1.0, turn)


MACHINES: dict[str, Draw] = {
    "slow_replica": _slow_replica, "gpu_throttle": _throttle, "gpu_fault": _gpu_fault,
    "kernel_regression": _kernels, "cold_start": _cold, "cpu_starvation": _starved,
    "memory_leak": _leak, "out_of_memory": _oom, "bad_deploy": _deploy, "hot_spot": _hot_spot,
    "telemetry_gap": _gap,
}  # fmt: skip
"""By the kind that a verdict must name."""
