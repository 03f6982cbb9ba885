"""What a ranking looks at: one metric of every entity, before and during, and who calls whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


def _nothing() -> Floats:
    return np.empty(0)


@dataclass(frozen=True)
class Measured:
    """One entity's metric and how many calls it is the mean of, row by row; NaN where missing.

    `before` and `during` are the rows around the onset, `usual` a long healthy stretch, which may
    be empty. Units are free, but the same for all entities of a scene.
    """

    before: Floats
    during: Floats
    calls_before: Floats
    calls_during: Floats
    usual: Floats = field(default_factory=_nothing)
    usual_calls: Floats = field(default_factory=_nothing)


@dataclass(frozen=True)
class Scene:
    """`calls` names the callees of each entity; `symptom` is the entity whose alert fired."""

    symptom: str
    calls: Mapping[str, frozenset[str]]
    measured: Mapping[str, Measured]

    def reachable(self) -> list[str]:
        """Entities that the symptom's requests can reach, itself among them, sorted by name."""
        seen, waiting = {self.symptom}, [self.symptom]
        while waiting:
            fresh = self.calls.get(waiting.pop(), frozenset()) - seen
            seen |= fresh
            waiting += fresh
        return sorted(seen & self.measured.keys())

    def callers(self) -> dict[str, list[str]]:
        """Who calls each entity."""
        found: dict[str, list[str]] = {}
        for caller in sorted(self.calls):
            for callee in self.calls[caller]:
                found.setdefault(callee, []).append(caller)
        return found
