"""Who depends on whom: clients → gateway → upstreams, caches and replicas → GPUs, and the node."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from analysis.calls import NEEDED
from analysis.calls import edges as calling
from analysis.phases import peer

CLIENTS = "clients"
GATEWAY = "gateway"
NODE = "node"

MOST_PEERS = 200
"""What so many sisters do, more of them do not tell better: each is compared with each."""


def kind_of(entity: str) -> str:
    """`replica/r1` is a replica; `gateway` is itself."""
    return entity.partition("/")[0]


@dataclass(frozen=True)
class Graph:
    """Entities and, for each, those it depends on, both in sorted order."""

    edges: Mapping[str, tuple[str, ...]]

    @cached_property
    def entities(self) -> tuple[str, ...]:
        return tuple(sorted(self.edges))

    @cached_property
    def _kinds(self) -> dict[str, tuple[str, ...]]:
        kinds: dict[str, list[str]] = {}
        for entity in self.entities:
            kinds.setdefault(kind_of(entity), []).append(entity)
        return {kind: tuple(found) for kind, found in kinds.items()}

    @cached_property
    def _callers(self) -> dict[str, tuple[str, ...]]:
        callers: dict[str, list[str]] = {}
        for entity in self.entities:
            for below in self.edges[entity]:
                callers.setdefault(below, []).append(entity)
        return {entity: tuple(found) for entity, found in callers.items()}

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """All entities of one kind."""
        return self._kinds.get(kind, ())

    def peers(self, entity: str) -> tuple[str, ...]:
        """The sisters of a replica, the other GPUs of a GPU; of very many, some."""
        found = self.of_kind(kind_of(entity))
        some = found[:: len(found) // MOST_PEERS + 1]
        return tuple(other for other in some if other != entity)

    def below(self, entity: str) -> tuple[str, ...]:
        """What the entity depends on directly."""
        return self.edges.get(entity, ())

    def above(self, entity: str) -> tuple[str, ...]:
        """What depends on the entity directly."""
        return self._callers.get(entity, ())

    def path(self, entity: str, symptom: str = GATEWAY) -> tuple[str, ...]:
        """The shortest way the effect takes from `entity` to the symptom, both included."""
        if entity == CLIENTS:
            return (CLIENTS, symptom)
        reached: dict[str, tuple[str, ...]] = {entity: (entity,)}
        waiting = deque([entity])
        while waiting:
            here = waiting.popleft()
            if here == symptom:
                return reached[here]
            for other in self.above(here):
                if other not in reached:
                    reached[other] = (*reached[here], other)
                    waiting.append(other)
        return (entity, symptom) if entity != symptom else (entity,)

    def depth(self, entity: str) -> int:
        """Steps from the clients; the node lies deepest."""
        order = {"clients": 0, "service": 0, "gateway": 1, "upstream": 2,
                 "cache": 2, "replica": 2, "gpu": 3}  # fmt: skip
        return order.get(kind_of(entity), 4)


def build(
    entities: Iterable[str], placement: Mapping[str, str], spans: pl.DataFrame | None = None
) -> Graph:
    """Draw the graph from the entities that labels name, GPU placement, and calls in spans.

    An upstream that only other upstreams call lies behind those, not beside them.
    """
    known = {CLIENTS, GATEWAY, *entities, *placement, *placement.values(), *_called(spans)}
    edges: dict[str, set[str]] = {entity: set() for entity in known}
    edges[CLIENTS].add(GATEWAY)
    for entity in known:
        if kind_of(entity) in ("upstream", "cache", "replica"):
            edges[GATEWAY].add(entity)
        if kind_of(entity) == "replica" and NODE in known:
            edges[entity].add(NODE)
    for replica, device in placement.items():
        edges[replica].add(device)
    for caller, callee in _among(spans, edges):
        edges[GATEWAY].discard(callee)
        edges[caller].add(callee)
    return Graph({entity: tuple(sorted(below)) for entity, below in edges.items()})


def _among(spans: pl.DataFrame | None, known: Iterable[str]) -> list[tuple[str, str]]:
    """Calls between upstreams, by their callers' spans, of those that no other service calls."""
    if spans is None or not spans.height or not set(spans.columns) >= NEEDED:
        return []
    names = {entity.partition("/")[2] for entity in known if kind_of(entity) == "upstream"}
    calls = calling(spans).filter(pl.col("callee").is_in(names))
    direct = set(calls.filter(~pl.col("caller").is_in(names))["callee"])
    return [
        (f"upstream/{caller}", f"upstream/{callee}")
        for caller, callee in calls.select("caller", "callee").unique().sort("caller").iter_rows()
        if callee not in direct
    ]


def _called(spans: pl.DataFrame | None) -> set[str]:
    if spans is None or not spans.height or "kind" not in spans.columns:
        return set()
    calls = spans.filter(pl.col("kind").cast(pl.String).str.to_lowercase() == "client")
    peers = calls.select(peer(calls).alias("peer"))["peer"].drop_nulls().unique().to_list()
    return {f"upstream/{name}" for name in peers}
