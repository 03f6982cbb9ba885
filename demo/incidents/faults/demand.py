"""What users do, and what their demand meets at the front door."""

from __future__ import annotations

from random import Random

from demo.incidents.faults.drawn import Break, Draw, between, once
from demo.incidents.gateway import Bucket
from demo.incidents.world import World


def _burst(world: World, rng: Random) -> Break:
    factor = rng.uniform(2.8, 6.0)

    def turn(level: float) -> None:
        world.arrivals.factor = between(level, factor)

    return Break(("clients",), factor, turn)


def _mix(world: World, rng: Random) -> Break:
    factor = rng.uniform(3.0, 7.0)
    for replica in world.replicas:  # cache enough: else it is kv_cache_exhaustion
        replica.engine.shape.kv_tokens *= 8

    def turn(level: float) -> None:
        world.lengths.prompt_factor = between(level, factor)

    return Break(("clients",), factor, turn)


def _kv(world: World, rng: Random) -> Break:
    """Longer work meets a cache of which something else took a part: sequences are preempted."""
    prompts, outputs = rng.uniform(1.5, 2.5), rng.uniform(2.5, 5.0)
    left = rng.uniform(0.25, 0.45)
    usual = [replica.engine.shape.kv_tokens for replica in world.replicas]

    def turn(level: float) -> None:
        for replica, tokens in zip(world.replicas, usual, strict=True):
            replica.engine.shape.kv_tokens = int(tokens * between(level, left))
        world.lengths.prompt_factor = between(level, prompts)
        world.lengths.output_factor = between(level, outputs)

    return Break((f"service/{world.plan.service}",), outputs, turn)


def _storm(world: World, rng: Random) -> Break:
    """A short stall, and clients that give up early and resend at once, again and again."""
    stall, factor = rng.uniform(60.0, 150.0), rng.uniform(6.0, 14.0)

    def begin() -> None:
        users = world.users
        users.backoff, users.retries = False, int(factor)
        users.timeout_seconds = rng.uniform(4.0, 8.0)
        for replica in world.replicas:
            replica.software = 40.0
            replica.tune()
        world.kernel.later(stall, end)

    def end() -> None:
        for replica in world.replicas:
            replica.software = 1.0
            replica.tune()

    return Break(("clients",), factor, once(begin))


def _queue(world: World, rng: Random) -> Break:
    """Too few slots: a configuration that lets the engines idle while work waits."""
    left = rng.uniform(0.08, 0.2)
    usual = world.gateway.slots.slots

    def turn(level: float) -> None:
        world.gateway.slots.slots = max(1, int(usual * between(level, left)))

    return Break(("gateway",), 1 / left, turn)


def _limit(world: World, rng: Random) -> Break:
    left = rng.uniform(0.35, 0.75)
    usual, broken = world.gateway.limiter.rate, world.plan.rate * left

    def turn(level: float) -> None:
        world.gateway.limiter.rate = broken if level > 0 else usual

    return Break(("gateway",), 1 / left, turn)


def _quota(world: World, rng: Random) -> Break:
    left = rng.uniform(0.0, 0.25)

    def turn(level: float) -> None:
        rate = world.plan.rate / 3 * left
        world.gateway.quota = Bucket(world.kernel, rate) if level > 0 else None

    return Break(("gateway", "clients"), 1 - left, once(lambda: turn(1.0)))


DEMAND: dict[str, Draw] = {
    "traffic_burst": _burst, "traffic_mix": _mix, "kv_cache_exhaustion": _kv,
    "queue_saturation": _queue, "retry_storm": _storm, "rate_limit": _limit, "quota": _quota,
}  # fmt: skip
"""By the kind that a verdict must name."""
