"""The front door: limits, cache, queue by priority, upstreams, replicas, fallback."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field
from random import Random

from demo.incidents.engine import Sequence
from demo.incidents.kernel import Event, Kernel, Steps
from demo.incidents.lengths import Work
from demo.incidents.metering import Meters
from demo.incidents.plan import Plan
from demo.incidents.replica import Replica
from demo.incidents.upstream import Cache, Upstream
from exporters.catalog.buckets import REQUEST_SECONDS, TOKEN_SECONDS, TOKENS

RANK = {"vip": 0, "normal": 1, "batch": 2}
EJECT_AFTER, EJECT_WITHIN, EJECT_SECONDS = 5, 10.0, 30.0
ATTEMPTS = 2
STATUS = {"rate_limit": 429, "quota": 429, "queue_full": 503}


class Slots:
    """As many requests at once as the replicas can batch; the rest wait by priority."""

    def __init__(self, kernel: Kernel, slots: int, most: int) -> None:
        self.kernel, self.slots, self.most = kernel, slots, most
        self.used = 0
        self._waiting: list[tuple[int, int, Event]] = []
        self._numbers = itertools.count()

    @property
    def depth(self) -> int:
        return len(self._waiting)

    def enter(self, priority: str) -> Event | None:
        """An event for when there is room, None when the queue is full."""
        event = self.kernel.event()
        if self.used < self.slots:
            self.used += 1
            event.succeed()
        elif self.depth >= self.most:
            return None
        else:
            heapq.heappush(self._waiting, (RANK[priority], next(self._numbers), event))
        return event

    def leave(self) -> None:
        """One is over: the next may begin."""
        self.used -= 1
        while self._waiting and self.used < self.slots:
            self.used += 1
            heapq.heappop(self._waiting)[2].succeed()


class Bucket:
    """A token bucket; an infinite rate refuses nobody."""

    def __init__(self, kernel: Kernel, rate: float) -> None:
        self.kernel, self.rate = kernel, rate
        self._level, self._at = rate, kernel.now

    def take(self) -> bool:
        """Whether there was a token."""
        now = self.kernel.now
        self._level = min(max(self.rate, 1.0), self._level + (now - self._at) * self.rate)
        self._at = now
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True


@dataclass(slots=True)
class Attempt:
    """One call to a replica, for the trace."""

    replica: str
    began: float
    ended: float
    outcome: str
    sequence: Sequence | None


@dataclass(slots=True)
class Exchange:
    """The way of one request through the gateway, for meters and traces."""

    work: Work
    arrived: float
    resent: bool
    tenant: int
    gone: bool = False
    queued: tuple[float, float] | None = None
    calls: list[tuple[str, float, float, str]] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    outcome: str = ""
    status: int = 200
    reason: str = ""
    ended: float = 0.0


class Gateway:
    """Everything between a user and a replica."""

    def __init__(
        self, kernel: Kernel, plan: Plan, replicas: list[Replica], meters: Meters, seed: str
    ) -> None:
        self.kernel, self.plan, self.replicas, self.meters = kernel, plan, replicas, meters
        self.slots = Slots(kernel, plan.slots, plan.max_queue)
        self.limiter = Bucket(kernel, plan.rate_limit)
        self.quota: Bucket | None = None
        self.upstreams = [Upstream(kernel, one, seed) for one in plan.upstreams]
        self.cache = Cache(plan.cache_hits, seed) if plan.cache_hits is not None else None
        self.stalled_seconds = 0.0
        self.internal_errors = 0.0
        self.ejected_until: dict[str, float] = {}
        self._errors: dict[str, deque[float]] = {one.name: deque() for one in replicas}
        self._turn = itertools.count()
        self.hang_ups = 0.01
        self._rng = Random(f"{seed}/gateway")

    def take(self, exchange: Exchange) -> Steps:
        """Serve one try and count it."""
        meters = self.meters
        meters.add("started")
        if exchange.resent:
            meters.add("resent")
        meters.observe(TOKENS, exchange.work.prompt, "prompt_length")
        yield from self._serve(exchange, exchange.tenant)
        self.count(exchange)

    def count(self, exchange: Exchange) -> None:
        """Note how a request ended, once."""
        exchange.ended = self.kernel.now
        seconds = exchange.ended - exchange.arrived
        if exchange.gone or (exchange.outcome == "ok" and self._rng.random() < self.hang_ups):
            exchange.outcome = "client_gone"
        status = "5xx" if exchange.status >= 500 else "ok"
        self.meters.add("finished", exchange.outcome, status)
        self.meters.observe(REQUEST_SECONDS, seconds, "duration")
        if exchange.reason:
            self.meters.add("refused", exchange.reason)

    def _serve(self, exchange: Exchange, tenant: int) -> Steps:
        if not self.limiter.take():
            return self._refuse(exchange, "rate_limit")
        if self.quota is not None and tenant == 0 and not self.quota.take():
            return self._refuse(exchange, "quota")
        if self.stalled_seconds:
            yield self.kernel.timeout(self.stalled_seconds * self._rng.lognormvariate(0.0, 0.3))
        if self.internal_errors and self._rng.random() < self.internal_errors:
            return self._end(exchange, "error", 500)
        if self.cache is not None:
            found = self.cache.find()
            self.meters.add("lookups", found)
            if found == "hit":
                yield self.kernel.timeout(self._rng.uniform(0.004, 0.03))
                return self._end(exchange, "ok", 200)
        room = self.slots.enter(exchange.work.priority)
        if room is None:
            return self._refuse(exchange, "queue_full")
        came = self.kernel.now
        yield room
        exchange.queued = (came, self.kernel.now)
        self.meters.observe(REQUEST_SECONDS, self.kernel.now - came, "queue_wait")
        try:
            yield from self._work(exchange)
        finally:
            self.slots.leave()
        return None

    def _work(self, exchange: Exchange) -> Steps:
        for upstream in self.upstreams:
            began = self.kernel.now
            outcome = yield from upstream.call()
            name, now = upstream.plan.name, self.kernel.now
            exchange.calls.append((name, began, now, outcome))
            self.meters.add("upstream_calls", name, outcome)
            self.meters.add("upstream_seconds", name, amount=now - began)
            if outcome != "ok" and upstream.required:
                return self._end(exchange, "error", 502)
        tried: set[str] = set()
        for _ in range(ATTEMPTS):
            replica = self._choose(tried)
            if replica is None:
                break
            tried.add(replica.name)
            outcome = yield from self._attempt(exchange, replica)
            if outcome == "ok":
                return self._end(exchange, "ok", 200)
            if outcome == "busy":
                return self._refuse(exchange, "queue_full")
        if self._rng.random() < 0.5:
            self.meters.add("fallbacks")
            return self._end(exchange, "ok", 200)
        return self._end(exchange, "error", 502)

    def _attempt(self, exchange: Exchange, replica: Replica) -> Steps:
        began, work = self.kernel.now, exchange.work
        sequence, outcome = yield from replica.serve(work.prompt, work.cached, work.output)
        now = self.kernel.now
        exchange.attempts.append(Attempt(replica.name, began, now, outcome, sequence))
        self.meters.add("attempts", replica.name, "rejected" if outcome == "busy" else outcome)
        self.meters.add("attempt_seconds", replica.name, amount=now - began)
        self.meters.add("attempt_count", replica.name)
        if outcome == "error":
            self._note_error(replica.name)
        if sequence is not None and outcome == "ok":
            first = now - exchange.arrived - sequence.phases[2]
            self.meters.observe(REQUEST_SECONDS, first, "first_token")
            gap = sequence.phases[2] / max(1, work.output)
            self.meters.observe(TOKEN_SECONDS, gap, "inter_token")
            self._of_replica(replica.name, sequence, gap)
        return outcome

    def _of_replica(self, name: str, sequence: Sequence, gap: float) -> None:
        """What the replica's own exporter counts of a finished sequence."""
        meters = self.meters
        queue, prefill, decode = sequence.phases
        meters.observe(REQUEST_SECONDS, queue + prefill + decode, "replica_duration", name)
        meters.observe(REQUEST_SECONDS, queue + prefill, "replica_first_token", name)
        meters.observe(REQUEST_SECONDS, queue, "replica_queue_wait", name)
        meters.add("replica_finished", name)
        meters.add("replica_gap_seconds", name, amount=gap)
        for phase, seconds in zip(("queue", "prefill", "decode"), sequence.phases, strict=True):
            meters.add("phase_seconds", name, phase, seconds)

    def _choose(self, tried: set[str]) -> Replica | None:
        now = self.kernel.now
        open_ = [
            one for one in self.replicas
            if one.name not in tried and self.ejected_until.get(one.name, 0.0) <= now
        ]  # fmt: skip
        if not open_:
            return None
        if any(one.weight != 1.0 for one in open_):
            return self._rng.choices(open_, [one.weight for one in open_])[0]
        if self.plan.routing == "round_robin":
            return open_[next(self._turn) % len(open_)]
        return min(open_, key=lambda one: one.engine.batch + len(one.engine.waiting))

    def _note_error(self, name: str) -> None:
        """Eject a replica that failed too often in too short a time, unless it is the last."""
        now, errors = self.kernel.now, self._errors[name]
        errors.append(now)
        while errors and errors[0] < now - EJECT_WITHIN:
            errors.popleft()
        others = [one for one in self.replicas if self.ejected_until.get(one.name, 0.0) <= now]
        if len(errors) >= EJECT_AFTER and len(others) > 1:
            self.ejected_until[name] = now + EJECT_SECONDS
            errors.clear()

    def _refuse(self, exchange: Exchange, reason: str) -> None:
        exchange.reason = reason
        self._end(exchange, "rejected", STATUS[reason])

    def _end(self, exchange: Exchange, outcome: str, status: int) -> None:
        exchange.outcome, exchange.status = outcome, status
