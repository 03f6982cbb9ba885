"""What breaks, for every kind of cause: as data, each with the parts it reaches into.

A fault is drawn once (which part, how hard) and then turned up and down by its level, 0 to 1, as
the onset's shape asks.
"""

from __future__ import annotations

from random import Random

from demo.incidents.faults.around import AROUND
from demo.incidents.faults.demand import DEMAND
from demo.incidents.faults.drawn import Break, Draw
from demo.incidents.faults.machines import MACHINES
from demo.incidents.world import World
from exporters.catalog.kinds import KINDS

__all__ = ["KNOWN", "Break", "Draw"]


def _nothing(world: World, rng: Random) -> Break:
    return Break((), 0.0, lambda _: None)


_DRAWN: dict[str, Draw] = {**DEMAND, **MACHINES, **AROUND, "none": _nothing}
KNOWN: dict[str, Draw] = {kind: _DRAWN[kind] for kind in KINDS if kind != "unknown"}
"""By the kind that a verdict must name, in the catalogue's order, which the seeds draw from.

What no kind covers is in `outside.py`.
"""
