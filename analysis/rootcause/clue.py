"""What a hypothesis is made of: statements about how a signal moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Where = Literal[
    "self", "clients", "gateway", "service", "gpu", "replicas", "hosted", "upstreams", "caches",
    "node",
]  # fmt: skip
Test = Literal[
    "rises", "lasts", "falls", "steady", "stands_out", "full", "share_rises", "high", "explains",
    "climbs", "dominates", "changed", "unchanged", "share_lasts", "rare",
]  # fmt: skip


@dataclass(frozen=True)
class Clue:
    """One statement: the quantity, at the suspect itself or elsewhere, passes the test.

    `where`: `gpu` is the device under a replica, `hosted` the replicas on a GPU, `replicas`,
    `upstreams` and `caches` the most affected one of all. `weight` counts for support; against a
    hypothesis it is the share of the score that goes when the clue holds fully. For "changed" and
    "unchanged" the quantity is the kind of a change: deploy, restart.
    """

    quantity: str
    test: Test
    weight: float
    where: Where = "self"
    part: str | None = None


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
