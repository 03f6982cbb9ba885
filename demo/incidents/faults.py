"""What breaks, for every kind of cause: as data, each with the parts it reaches into.

A fault is drawn once (which part, how hard) and then turned up and down by its level, 0 to 1, as
the onset's shape asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from demo.incidents.gateway import Bucket
from demo.incidents.replica import Replica
from demo.incidents.world import World

Turn = Callable[[float], None]
Draw = Callable[[World, Random], "Break"]
THERMAL, POWER = "hw_thermal_slowdown", "hw_power_brake_slowdown"
SOFTWARE_POWER = "sw_thermal_slowdown"
XIDS = (48, 63, 79, 94, 95)


@dataclass(frozen=True)
class Break:
    """What was drawn: the entities a verdict may name, how hard, and the handle."""

    entities: tuple[str, ...]
    severity: float
    turn: Turn


def between(level: float, full: float) -> float:
    """A factor on its way from 1 to `full`."""
    return 1.0 + level * (full - 1.0)


def once(action: Callable[[], None]) -> Turn:
    """A turn that acts when the level first leaves 0."""
    waiting = [action]

    def turn(level: float) -> None:
        if level > 0 and waiting:
            waiting.pop()()

    return turn


def _one(world: World, rng: Random) -> Replica:
    return rng.choice(world.replicas)


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


def _slow_replica(world: World, rng: Random) -> Break:
    replica, factor = _one(world, rng), rng.uniform(2.5, 7.0)

    def turn(level: float) -> None:
        replica.software = between(level, factor)
        replica.tune()

    return Break((f"replica/{replica.name}",), factor, turn)


def _throttle(world: World, rng: Random) -> Break:
    replica, clock = _one(world, rng), rng.uniform(0.15, 0.45)
    reason = rng.choice((THERMAL, POWER, SOFTWARE_POWER))

    def turn(level: float) -> None:
        gpu = replica.gpu
        gpu.clock = between(level, clock)
        gpu.reason = reason if level > 0.1 else ""
        gpu.heat = 0.0 if reason == POWER else 28.0 * level
        replica.tune()

    return Break((f"gpu/{replica.gpu.name}",), 1 / clock, turn)


def _gpu_fault(world: World, rng: Random) -> Break:
    replica, xid = _one(world, rng), rng.choice(XIDS)
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
    hit = world.replicas if everywhere else [_one(world, rng)]

    def turn(level: float) -> None:
        for replica in hit:
            replica.gpu.kernels = between(level, factor)
            replica.tune()

    return Break(tuple(f"gpu/{one.gpu.name}" for one in hit), factor, turn)


def _queue(world: World, rng: Random) -> Break:
    """Too few slots: a configuration that lets the engines idle while work waits."""
    left = rng.uniform(0.08, 0.2)
    usual = world.gateway.slots.slots

    def turn(level: float) -> None:
        world.gateway.slots.slots = max(1, int(usual * between(level, left)))

    return Break(("gateway",), 1 / left, turn)


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


def _cold(world: World, rng: Random) -> Break:
    replica, factor = _one(world, rng), rng.uniform(4.0, 8.0)
    seconds = rng.uniform(200.0, 600.0)

    def begin() -> None:
        replica.restart(away=rng.uniform(5.0, 25.0), cold=factor, cold_seconds=seconds)

    return Break((f"replica/{replica.name}",), factor, once(begin))


def _starved(world: World, rng: Random) -> Break:
    replica, left = _one(world, rng), rng.uniform(0.2, 0.45)

    def turn(level: float) -> None:
        replica.cpu_left = between(level, left)
        replica.tune()

    return Break((f"replica/{replica.name}",), 1 / left, turn)


def _leak(world: World, rng: Random) -> Break:
    replica, speed = _one(world, rng), rng.uniform(6e6, 16e6)

    def turn(level: float) -> None:
        replica.leaking = speed * level

    return Break((f"replica/{replica.name}",), speed / 1e6, turn)


def _oom(world: World, rng: Random) -> Break:
    """Memory shoots up, the kernel kills the process, it comes back and is killed again."""
    replica, speed = _one(world, rng), rng.uniform(1.5e8, 4e8)

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
    replica, share = _one(world, rng), rng.uniform(0.4, 0.9)

    def begin() -> None:
        replica.restart(away=rng.uniform(2.0, 10.0))
        replica.version = "1.5.0"
        replica.complaint = (rng.choice(("KeyError", "ValueError")), "request could not be served")
        replica.error_share = share

    return Break((f"replica/{replica.name}",), share, once(begin))


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
    first, seconds = _one(world, rng), rng.uniform(1.5, 5.0)
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


def _hot_spot(world: World, rng: Random) -> Break:
    replica, weight = _one(world, rng), rng.uniform(8.0, 40.0)

    def turn(level: float) -> None:
        replica.weight = between(level, weight)

    return Break((f"replica/{replica.name}",), weight, turn)


def _storage(world: World, rng: Random) -> Break:
    """Reads of weights and offloaded cache wait for the volume: every replica of the node."""
    factor = rng.uniform(1.6, 2.6)

    def turn(level: float) -> None:
        world.node_io = 0.75 * level
        for replica in world.replicas:
            replica.software = between(level, factor)
            replica.tune()

    return Break(("node", *(f"replica/{one.name}" for one in world.replicas)), factor, turn)


def _gap(world: World, rng: Random) -> Break:
    replica = _one(world, rng)

    def turn(level: float) -> None:
        replica.silent = level > 0

    return Break((f"replica/{replica.name}",), 1.0, turn)


def _nothing(world: World, rng: Random) -> Break:
    return Break((), 0.0, lambda _: None)


KNOWN: dict[str, Draw] = {
    "traffic_burst": _burst, "traffic_mix": _mix, "slow_replica": _slow_replica,
    "gpu_throttle": _throttle, "gpu_fault": _gpu_fault, "kernel_regression": _kernels,
    "kv_cache_exhaustion": _kv, "queue_saturation": _queue, "retry_storm": _storm,
    "rate_limit": _limit, "cold_start": _cold, "cpu_starvation": _starved,
    "memory_leak": _leak, "out_of_memory": _oom, "bad_deploy": _deploy,
    "upstream_slow": _upstream_slow, "upstream_errors": _upstream_errors,
    "network_delay": _network, "cache_outage": _cache, "hot_spot": _hot_spot, "quota": _quota,
    "storage_slow": _storage, "telemetry_gap": _gap, "none": _nothing,
}  # fmt: skip
"""By the kind that a verdict must name; what no kind covers is in `outside.py`."""
