"""Which replica gets a request: the one with the least in flight that is not out of rotation."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass


class NoReplicaError(Exception):
    """Every replica is out of rotation."""


@dataclass
class Replica:
    """One replica as the gateway sees it."""

    name: str
    url: str
    in_flight: int = 0
    ejected: bool = False


class Router:
    """Least loaded first; equals are drawn, so that the first of the list is not the busy one."""

    def __init__(self, replicas: dict[str, str], seed: int = 0) -> None:
        self.replicas = {name: Replica(name, url) for name, url in replicas.items()}
        self._random = random.Random(seed)

    def move(self, urls: Mapping[str, str]) -> None:
        """Send what comes from now on to a replica's new address."""
        for name, url in urls.items():
            self.replicas[name].url = url

    def pick(self, tried: Collection[str] = ()) -> Replica:
        """Choose among those in rotation, those not yet tried first. Raises NoReplicaError."""
        usable = [one for one in self.replicas.values() if not one.ejected]
        if not usable:
            raise NoReplicaError
        fresh = [one for one in usable if one.name not in tried] or usable
        return min(fresh, key=lambda one: (one.in_flight, self._random.random()))
