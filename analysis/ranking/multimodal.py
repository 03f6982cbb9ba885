"""Join what traces, logs and metrics say of each entity into one order.

A caller of something broken breaks off too, so what its own events say counts less the more its
callees have against them: the deepest one is the likeliest cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from analysis.ranking.events import Break
from analysis.ranking.resources import Rise

Modality = Literal["events", "network", "resource"]

EVENT_SCALE: Final = 15.0
"""A break of this score weighs as much as a level that rose e-fold (docs/benchmarks/nezha.md)."""


@dataclass(frozen=True)
class Suspect:
    """`inside` says what in the entity: two events, a metric, or the network; `says` in words."""

    entity: str
    score: float
    modality: Modality
    inside: tuple[str, ...]
    says: tuple[str, ...] = ()


INHERITED: Final = 0.5
"""Share of a caller's broken steps that a callee as suspicious as itself explains."""


def suspects(
    breaks: Mapping[str, Break],
    delays: Mapping[str, float],
    rises: Mapping[str, Rise],
    calls: Mapping[str, frozenset[str]],
) -> list[Suspect]:
    """Entities by the strongest thing that any modality says of them; ties go by name."""
    said = _said(breaks, delays, rises)
    strongest: dict[str, float] = {}
    for suspect in said:
        strongest[suspect.entity] = max(suspect.score, strongest.get(suspect.entity, 0.0))
    judged = [_own(suspect, calls, strongest) for suspect in said]
    best: dict[str, Suspect] = {}
    for suspect in sorted(judged, key=lambda it: (-it.score, it.entity, it.modality)):
        best.setdefault(suspect.entity, suspect)
    return list(best.values())


def _own(
    suspect: Suspect, calls: Mapping[str, frozenset[str]], strongest: Mapping[str, float]
) -> Suspect:
    if suspect.modality != "events":
        return suspect
    callees = calls.get(suspect.entity, frozenset()) - {suspect.entity}
    beneath = max((strongest.get(callee, 0.0) for callee in callees), default=0.0)
    return replace(suspect, score=suspect.score - INHERITED * min(beneath, suspect.score))


def _said(
    breaks: Mapping[str, Break], delays: Mapping[str, float], rises: Mapping[str, Rise]
) -> list[Suspect]:
    return [
        *(
            Suspect(
                entity,
                found.score / EVENT_SCALE,
                "events",
                (found.event, found.expected),
                found.says,
            )
            for entity, found in breaks.items()
        ),
        *(Suspect(entity, size, "network", ("network",)) for entity, size in delays.items()),
        *(
            Suspect(entity, found.size, "resource", (found.metric,))
            for entity, found in rises.items()
        ),
    ]
