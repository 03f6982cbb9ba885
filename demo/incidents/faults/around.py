"""What breaks around the replicas: upstreams, the network, the cache, storage."""

from __future__ import annotations

from random import Random

from demo.incidents.faults.drawn import Break, Draw, anyone, between
from demo.incidents.world import World


def _upstream_slow(world: World, rng: Random) -> Break:
    upstream = rng.choice(world.gateway.upstreams)
    factor = rng.uniform(2.0, 8.0) / upstream.plan.seconds

    def turn(level: float) -> None:
        upstream.factor = between(level, factor)

    return Break(_named(upstream.plan), factor, turn)


def _upstream_errors(world: World, rng: Random) -> Break:
    upstream, share = rng.choice(world.gateway.upstreams), rng.uniform(0.3, 0.9)
    upstream.required = True

    def turn(level: float) -> None:
        upstream.error_share = share * level

    return Break(_named(upstream.plan), share, turn)


def _named(plan: object) -> tuple[str, ...]:
    names = {getattr(plan, "name", ""), getattr(plan, "alias", "")}
    return tuple(f"upstream/{name}" for name in sorted(names))


def _network(world: World, rng: Random) -> Break:
    """The way to one replica, or to all of one region, becomes slow."""
    first, seconds = anyone(world, rng), rng.uniform(1.5, 5.0)
    region = [one for one in world.replicas if one.plan.region == first.plan.region]
    whole = len(region) < len(world.replicas) and rng.random() < 0.6
    hit = region if whole else [first]

    def turn(level: float) -> None:
        for replica in hit:
            replica.network_seconds = replica.plan.network_seconds + level * seconds

    return Break(tuple(f"replica/{one.name}" for one in hit), seconds, turn)


def _cache(world: World, rng: Random) -> Break:
    cache = world.gateway.cache
    assert cache is not None
    share = rng.uniform(0.8, 1.0)

    def turn(level: float) -> None:
        cache.error_share = share * level

    return Break(("cache/distributed",), share, turn)


def _storage(world: World, rng: Random) -> Break:
    """Reads of weights and offloaded cache wait for the volume: every replica of the node."""
    factor = rng.uniform(1.6, 2.6)

    def turn(level: float) -> None:
        world.node_io = 0.75 * level
        for replica in world.replicas:
            replica.software = between(level, factor)
            replica.tune()

    return Break(("node", *(f"replica/{one.name}" for one in world.replicas)), factor, turn)


AROUND: dict[str, Draw] = {
    "upstream_slow": _upstream_slow, "upstream_errors": _upstream_errors,
    "network_delay": _network, "cache_outage": _cache, "storage_slow": _storage,
}  # fmt: skip
"""By the kind that a verdict must name."""
