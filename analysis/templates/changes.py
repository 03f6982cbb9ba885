"""Templates that came, went, burst or faded between two stretches of time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["new", "vanished", "burst", "fade"]

NEWS: Final = 10.83
"""G statistic that chance exceeds once in a thousand (chi-squared, one degree of freedom)."""


@dataclass(frozen=True)
class Change:
    """`before` and `during` are lines a second; `g` says how far from chance the change is."""

    template: str
    kind: Kind
    before: float
    during: float
    g: float


def changes(
    before: Mapping[str, int],
    during: Mapping[str, int],
    *,
    seconds_before: float,
    seconds_during: float,
    news: float = NEWS,
) -> list[Change]:
    """Templates whose rate changed beyond chance, clearest first; ties go by template.

    A rate test on counts (Poisson, conditional on their sum) whose bar, `news`, is raised for how
    many templates are looked at.
    """
    if seconds_before <= 0 or seconds_during <= 0:
        raise ValueError("both stretches must last some time")
    names = before.keys() | during.keys()
    bar = news + 2 * math.log(max(len(names), 1))
    share = seconds_during / (seconds_before + seconds_during)
    found = [
        Change(name, _kind(a, b, share), a / seconds_before, b / seconds_during, g)
        for name in names
        if (g := _g(a := before.get(name, 0), b := during.get(name, 0), share)) > bar
    ]
    return sorted(found, key=lambda change: (-change.g, change.template))


def _g(before: int, during: int, share: float) -> float:
    total = before + during
    expected = {during: total * share, before: total * (1 - share)}
    return 2 * sum(seen * math.log(seen / of) for seen, of in expected.items() if seen)


def _kind(before: int, during: int, share: float) -> Kind:
    if not before:
        return "new"
    if not during:
        return "vanished"
    return "burst" if during > (before + during) * share else "fade"
