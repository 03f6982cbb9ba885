"""A whole service at work, and the scraper that looks at it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from demo.incidents.arrivals import Arrivals
from demo.incidents.gateway import Exchange, Gateway
from demo.incidents.kernel import Kernel, Steps
from demo.incidents.lengths import Lengths
from demo.incidents.metering import Meters
from demo.incidents.plan import Plan
from demo.incidents.replica import Replica
from demo.incidents.users import Users

STEP = 15.0
"""Seconds between scrapes."""
WARM_UP = 30 * STEP
KERNELS = ("gemm", "bandwidth", "attention")


class World:
    """All parts of one service; faults reach into them."""

    def __init__(self, plan: Plan, seed: str, tell: Callable[[Exchange], None]) -> None:
        self.plan, self.seed = plan, seed
        self.kernel = Kernel(initial_time=-WARM_UP)
        self.meters = Meters()
        alone = len(plan.hosts) == 1
        self.replicas = [Replica(self.kernel, one, seed, alone=alone) for one in plan.replicas]
        self.gateway = Gateway(self.kernel, plan, self.replicas, self.meters, seed)
        self.arrivals = Arrivals(plan.rate, plan.workload, seed)
        self.lengths = Lengths(plan.workload, seed)
        self.users = Users(self.kernel, self.gateway, self.lengths, plan, seed, tell)
        self.node_cpu_extra = self.node_memory_extra = self.node_io = 0.0
        self.rng = Random(f"{seed}/world")
        self.killed: list[tuple[float, str]] = []
        self.notes: list[tuple[float, str, str]] = []
        """Warnings of single replicas that mean nothing: when, who, what."""
        self._busy: dict[str, float] = {}

    def run(self, seconds: float) -> None:
        """Simulate from the warm-up until `seconds`."""
        self.kernel.process(self.arrivals.run(self.kernel, self.users.start))
        self.kernel.process(self._scrape())
        self.kernel.run(until=seconds)

    def replica(self, name: str) -> Replica:
        """The replica of that name."""
        return next(one for one in self.replicas if one.name == name)

    def tell_killed(self, replica: Replica) -> None:
        """The kernel killed a process for memory."""
        self.killed.append((self.kernel.now, replica.name))

    def _scrape(self) -> Steps:
        while True:
            yield self.kernel.timeout(STEP)
            self._look()
            self.meters.scrape(self.kernel.now)

    def _look(self) -> None:
        gauge, gateway = self.meters.gauge, self.gateway
        gauge(gateway.slots.depth, "queue_depth")
        busiest = [self._look_at(replica) for replica in self.replicas]
        cpu = 0.12 + 0.35 * sum(busiest) / len(busiest) + self.node_cpu_extra
        gauge(min(1.0, max(0.02, self.rng.gauss(cpu, 0.02))), "node_cpu")
        memory = 0.35 + self.node_memory_extra
        gauge(min(1.0, max(0.02, self.rng.gauss(memory, 0.004))), "node_memory")
        gauge(max(0.0, self.rng.gauss(0.02 + self.node_io, 0.006)), "node_io")

    def _look_at(self, replica: Replica) -> float:
        """Read a replica and its GPU; returns the busy share since the last look."""
        replica.tune()
        replica.engine.look()
        if replica.leaking:
            replica.extra_memory += replica.leaking * STEP
        busy = self._look_at_engine(replica)
        self._look_at_gpu(replica, busy)
        return busy

    def _look_at_engine(self, replica: Replica) -> float:
        gauge, name, engine = self.meters.gauge, replica.name, replica.engine
        totals = engine.totals
        before = self._busy.get(name, 0.0)
        self._busy[name] = totals.busy_seconds
        ejected = self.gateway.ejected_until.get(name, 0.0) > self.kernel.now
        gauge(float(ejected), "ejected", name)
        answers = not replica.silent and replica.up
        gauge(float(answers), "up", name)
        if answers:
            gauge(len(engine.waiting), "queue_depth", name)
            gauge(engine.batch, "running", name)
            gauge(min(1.0, engine.kv_used / engine.shape.kv_tokens), "kv_usage", name)
            gauge(replica.memory(), "memory", name)
            gauge(replica.throttled(), "throttled", name)
            gauge(replica.started, "started", name)
            gauge(_number(replica.version), "version", name)
            for field in totals.__slots__:
                gauge(getattr(totals, field), f"total_{field}", name)
        return (totals.busy_seconds - before) / STEP

    def _look_at_gpu(self, replica: Replica, busy: float) -> None:
        gauge, gpu, owner = self.meters.gauge, replica.gpu, replica.gpu.name
        gauge(float(not gpu.lost), "gpu_up", owner)
        for number, count in gpu.xids.items():
            gauge(count, "gpu_xid", owner, number)
        if gpu.lost:
            return
        for part, value in gpu.read(busy).items():
            gauge(value, f"gpu_{part}", owner)
        used = 0.75 + 0.15 * min(1.0, replica.engine.kv_used / replica.engine.shape.kv_tokens)
        gauge(used, "gpu_memory", owner)
        if gpu.reason:
            gauge(1.0, "gpu_throttle", owner, gpu.reason)
        for kernel in KERNELS:
            gauge(gpu.probe(), "kernel_slowdown", owner, kernel)


def _number(version: str) -> float:
    major, minor, patch = (int(part) for part in version.split("."))
    return major * 10_000.0 + minor * 100.0 + patch
