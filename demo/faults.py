"""What the demo can break, how, and what must come of it.

Which replica, how hard and how late are drawn from the seed. A fault reaches a process over its
private control port alone, or changes the device under it, so that nothing the diagnosis reads
could give it away.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import psutil

from demo.device import ThrottleReason
from demo.own_rules import TIME_SCALE
from demo.stage import Stage

LLAMA = ("tiny", "llama")
EVERY = (*LLAMA, "vllm")
"""Engines behind which a run was seen to name the fault."""

OFF_THE_BUS = 79
"""The XID after which NVML does not reach the device any more."""


@dataclass(frozen=True)
class Expected:
    """The outcome a run must have: a page or none, and what the verdict says.

    `entity` is a pattern: `replica/*` stands for the replica that was drawn, `gpu/*` for its GPU.
    """

    page: bool
    kind: str | None = None
    entity: str | None = None
    abstained: bool = False


@dataclass(frozen=True)
class Injected:
    """What was broken: entities of which the verdict may name any, and one line for a person."""

    entities: tuple[str, ...]
    says: str
    since: float | None = None
    """When it took effect (Unix time), where that was later than the call."""


@dataclass(frozen=True)
class Fault:
    """One way to break the service."""

    name: str
    says: str
    expected: Expected
    inject: Callable[[Stage, Random], Injected]
    engines: tuple[str, ...] = ("tiny",)
    """Behind which it can be injected and told: see `demo.engines`."""
    rate: float = 11.0
    repeats: float = 0.0
    """Arrivals a second, and the share that a cache of answers is there for: see `Stage`."""

    def onset(self, rng: Random) -> float:
        """Seconds to wait on top of the healthy stretch."""
        return rng.uniform(0.0, 3.0)


def _none(stage: Stage, rng: Random) -> Injected:
    return Injected((), "nothing")


def _slow_replica(stage: Stage, rng: Random) -> Injected:
    name, factor = rng.choice(stage.replicas), rng.uniform(4.7, 5.5)
    stage.slow(name, factor)
    return Injected((f"replica/{name}",), f"everything in {name} takes {factor:.1f}x")


def _traffic_burst(stage: Stage, rng: Random) -> Injected:
    factor = rng.uniform(3.9, 4.3)
    stage.control("load", arrivals=factor)
    return Injected(("clients",), f"arrivals x{factor:.1f}")


def _kv_cache_exhaustion(stage: Stage, rng: Random) -> Injected:
    factor = rng.uniform(3.0, 3.4)
    stage.control("load", prompts=factor, outputs=6.0)
    return Injected((f"service/{stage.service}",), f"prompts x{factor:.1f}, answers x6")


def _retry_storm(stage: Stage, rng: Random) -> Injected:
    seconds = rng.uniform(3.0, 4.0)
    stage.control("load", backoff=False, retries=10, timeout=0.6)
    for name in stage.replicas:
        stage.stall(name, seconds)
    return Injected(("clients",), f"engines stall {seconds:.1f} s, clients resend at once")


def _upstream_slow(stage: Stage, rng: Random) -> Injected:
    seconds = rng.uniform(0.37, 0.45)
    stage.control("features", seconds=seconds)
    return Injected(("upstream/features",), f"features take {seconds * 1000:.0f} ms")


def _gpu_throttle(stage: Stage, rng: Random) -> Injected:
    name, clocks = rng.choice(stage.replicas), rng.uniform(0.18, 0.21)
    reason = rng.choice(
        (ThrottleReason.HW_THERMAL_SLOWDOWN, ThrottleReason.HW_POWER_BRAKE_SLOWDOWN)
    )
    stage.accelerator(name).gpu.throttle(reason, clocks)
    says = f"{reason.name} holds the clocks under {name} at {clocks:.0%}"
    return Injected((stage.gpu(name),), says)


def _kernel_regression(stage: Stage, rng: Random) -> Injected:
    name, factor = rng.choice(stage.replicas), rng.uniform(4.7, 5.5)
    stage.accelerator(name).timeline.kernel_time = factor
    return Injected((stage.gpu(name),), f"new kernels on the GPU of {name} take {factor:.1f}x")


def _gpu_fault(stage: Stage, rng: Random) -> Injected:
    name, xid = rng.choice(stage.replicas), rng.choice((48, 79, 95))
    device = stage.accelerator(name)
    device.timeline.break_contexts()
    device.gpu.raise_xid(xid)
    if xid == OFF_THE_BUS:
        device.gpu.lose()
    return Injected((stage.gpu(name),), f"XID {xid} on the GPU of {name}")


def _rate_limit(stage: Stage, rng: Random) -> Injected:
    limit = stage.rate * rng.uniform(0.41, 0.5)
    stage.control("gateway", rate_limit=limit)
    return Injected(("gateway",), f"the token bucket holds {limit:.1f} a second")


def _bad_deploy(stage: Stage, rng: Random) -> Injected:
    name, share = rng.choice(stage.replicas), rng.uniform(0.6, 0.8)
    since = stage.replace(name, version="1.1.0", broken_answers=share)
    return Injected((f"replica/{name}",), f"1.1.0 of {name} breaks off {share:.0%}", since)


def _client_gone_storm(stage: Stage, rng: Random) -> Injected:
    share = rng.uniform(0.75, 0.85)
    stage.control("load", hang_ups=share)
    return Injected((), f"{share:.0%} of the users hang up")


def _cpu_starvation(stage: Stage, rng: Random) -> Injected:
    name, left = rng.choice(stage.replicas), rng.uniform(0.35, 0.45)
    cores = left * stage.cpu_used(name)
    stage.limit_cpu(name, cores)
    says = f"{name} may use {cores:.2f} cores, {left:.0%} of what it used"
    return Injected((f"replica/{name}",), says, time.time())


def _memory_leak(stage: Stage, rng: Random) -> Injected:
    name, hours = rng.choice(stage.replicas), rng.uniform(3.5, 4.5)
    speed = psutil.virtual_memory().total / (hours * 3600 / TIME_SCALE)
    stage.control(name, leaking=speed)
    return Injected((f"replica/{name}",), f"{name} leaks {speed / 1e6:.0f} MB a second")


def _cold_start(stage: Stage, rng: Random) -> Injected:
    name, factor = rng.choice(stage.replicas), rng.uniform(4.7, 5.5)
    since = stage.replace(name, warm=False, compile_seconds=40.0, eager_factor=factor)
    says = f"{name} began anew with no kernel compiled: {factor:.1f}x"
    return Injected((f"replica/{name}",), says, since)


def _cache_outage(stage: Stage, rng: Random) -> Injected:
    stage.members["cache"].process.stop(grace=1.0)
    return Injected(("cache/distributed",), "the cache of answers is gone")


def _telemetry_gap(stage: Stage, rng: Random) -> Injected:
    name = rng.choice(stage.replicas)
    stage.control(name, silent=True)
    return Injected((f"replica/{name}",), f"the exporter of {name} is silent")


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("none", "nothing breaks", Expected(page=False), _none, engines=EVERY),
        Fault("slow_replica", "one replica's kernels take five times as long",
              Expected(page=True, kind="slow_replica", entity="replica/*"), _slow_replica,
              engines=LLAMA),
        Fault("traffic_burst", "four times the arrivals: the queue fills",
              Expected(page=True, kind="traffic_burst", entity="clients"), _traffic_burst,
              engines=LLAMA),
        Fault("kv_cache_exhaustion", "long prompts and answers fill the KV cache: preemptions",
              Expected(page=True, kind="kv_cache_exhaustion", entity="service/*"),
              _kv_cache_exhaustion, engines=("tiny", "vllm")),
        Fault("retry_storm", "a short error, and clients that resend without backoff",
              Expected(page=True, kind="retry_storm", entity="clients"), _retry_storm,
              engines=LLAMA),
        Fault("upstream_slow", "the feature service goes from 20 to 400 ms",
              Expected(page=True, kind="upstream_slow", entity="upstream/features"),
              _upstream_slow, engines=EVERY),
        Fault("gpu_throttle", "heat or power holds one GPU's clocks at a fifth",
              Expected(page=True, kind="gpu_throttle", entity="gpu/*"), _gpu_throttle),
        Fault("gpu_fault", "a GPU reports a fatal XID: its contexts are dead",
              Expected(page=True, kind="gpu_fault", entity="gpu/*"), _gpu_fault),
        Fault("kernel_regression", "one GPU's kernels take five times as long, its clocks healthy",
              Expected(page=True, kind="kernel_regression", entity="gpu/*"), _kernel_regression),
        Fault("rate_limit", "the gateway's token bucket holds half of what arrives",
              Expected(page=True, kind="rate_limit", entity="gateway"), _rate_limit,
              engines=EVERY),
        Fault("bad_deploy", "a new version of one replica breaks answers off",
              Expected(page=True, kind="bad_deploy", entity="replica/*"), _bad_deploy),
        Fault("client_gone_storm", "most users hang up: nothing that the service could mend",
              Expected(page=False), _client_gone_storm,
              engines=LLAMA),
        Fault("cpu_starvation", "a CPU quota on one replica's cgroup",
              Expected(page=True, kind="cpu_starvation", entity="replica/*"), _cpu_starvation,
              engines=LLAMA),
        Fault("memory_leak", "one replica's memory only climbs",
              Expected(page=True, kind="memory_leak", entity="replica/*"), _memory_leak),
        Fault("cold_start", "one replica begins anew and takes traffic with nothing compiled",
              Expected(page=True, kind="cold_start", entity="replica/*"), _cold_start),
        Fault("cache_outage", "the cache that answers two thirds of the users goes away",
              Expected(page=True, kind="cache_outage", entity="cache/distributed"),
              _cache_outage, rate=36.0, repeats=0.7),
        Fault("telemetry_gap", "a replica's exporter goes silent while it serves on",
              Expected(page=True, kind=None, entity="replica/*", abstained=True), _telemetry_gap),
    )
}  # fmt: skip
"""By name, in the order in which `--fault all` runs them."""
