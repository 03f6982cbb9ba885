"""What a hypothesis is made of: statements about how a signal moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Where = Literal[
    "self", "sisters", "clients", "gateway", "service", "gpu", "replicas", "hosted", "upstreams",
    "caches", "node",
]  # fmt: skip
Test = Literal[
    "rises", "lasts", "falls", "steady", "stands_out", "full", "share_rises", "high", "explains",
    "climbs", "dominates", "changed", "unchanged", "share_lasts", "rare", "frequent", "surges",
    "idle", "bites",
]  # fmt: skip


@dataclass(frozen=True)
class Clue:
    """One statement: the quantity, at the suspect itself or elsewhere, passes the test.

    `where`: `gpu` is the device under a replica, `hosted` the replicas on a GPU, `replicas`,
    `upstreams` and `caches` the most affected one of all. `weight` counts for support; against a
    hypothesis it is the share of the score that goes when the clue holds fully. For "changed" and
    "unchanged" the quantity is the kind of a change (deploy, restart), and `since` the quantity
    that must have moved soon after it, where the order in time is known. `also` is a quantity of
    the same entity that must pass the test as well, where it was measured.
    """

    quantity: str
    test: Test
    weight: float
    where: Where = "self"
    part: str | None = None
    since: str | None = None
    also: str | None = None


@dataclass(frozen=True)
class Hypothesis:
    """A kind of cause at a kind of entity: without one of `needs` it is not even considered."""

    kind: str
    entity: str
    needs: tuple[Clue, ...]
    supports: tuple[Clue, ...]
    against: tuple[Clue, ...]
    claim: str
    family: Literal["load", "part"]


MORE_FRESH = Clue("fresh_arrivals", "surges", 0.75, "clients")
LONGER = Clue("prompt_length", "rises", 0.5, "clients")
ONE_REPLICA = Clue("step_time", "stands_out", 0.7, "replicas", also="attempt_time")
UPSTREAM = Clue("upstream_time", "explains", 0.8, "upstreams")
UPSTREAM_FAILS = Clue("upstream_errors", "share_lasts", 0.6, "upstreams")
THROTTLED = Clue("gpu_throttle", "lasts", 0.9, "gpu")
FAULTY = Clue("gpu_xid", "rises", 0.9, "gpu")
SLOW_KERNELS = Clue("kernel_slowdown", "lasts", 0.85, "gpu")
STARVED = Clue("cpu_throttled", "dominates", 0.85)
RESTARTED = Clue("restart", "changed", 0.8, since="step_time")
REGROWN = Clue("restart", "changed", 0.8, since="replica_memory")
NO_CACHE = Clue("cache_errors", "dominates", 0.7, "caches")
STORAGE = Clue("node_io", "dominates", 0.8, "node")
KILLED = Clue("oom_kills", "rises", 0.8, "replicas")
ANSWERS_BREAK = Clue("attempt_errors", "share_rises", 0.7, "replicas")
LOST = Clue("gpu_up", "falls", 0.9, "gpu")
