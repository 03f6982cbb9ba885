"""Service levels as data, and how fast a service eats its error budget before that is worth a page.

Factors and windows are those of Google's SRE workbook, "Alerting on SLOs": a page when 2 % of a
30-day budget goes within an hour or 5 % within six, a ticket at 10 % within one day or three.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alerts.config import Objectives


@dataclass(frozen=True)
class Burn:
    """Too fast when both windows burn `factor` times what the objective allows."""

    factor: Decimal
    long: str
    short: str


PAGE = (Burn(Decimal("14.4"), "1h", "5m"), Burn(Decimal(6), "6h", "30m"))
TICKET = (Burn(Decimal(3), "1d", "2h"), Burn(Decimal(1), "3d", "6h"))
PERIOD, TILE = "30d", "1h"
"""What a budget is for, and the pieces that it is added up from."""


@dataclass(frozen=True)
class Level:
    """One service level: `target` of the requests are to be good, within `bound` seconds if any.

    `alerts` begins the names of its alerts.
    """

    slo: str
    alerts: str
    target: Decimal
    bound: float | None = None

    @property
    def budget(self) -> Decimal:
        """Share of requests that may miss it, exactly."""
        return budget(self.target)


def levels(objectives: Objectives) -> tuple[Level, ...]:
    """Every service level of the config, the one about all of them last."""
    latency, first, gap = objectives.latency, objectives.first_token, objectives.inter_token
    return (
        Level("availability", "Availability", objectives.availability.target),
        Level("latency", "Latency", latency.target, latency.bound_seconds),
        Level("first_token", "FirstToken", first.target, first.bound_seconds),
        Level("inter_token", "InterToken", gap.target, gap.bound_seconds),
        Level("goodput", "Goodput", objectives.goodput.target),
    )


def budget(target: Decimal) -> Decimal:
    """Share of requests that may miss an objective: 0.005 for a target of 0.995."""
    return 1 - target


def exactly(share: Decimal) -> str:
    """A share as a decimal without noise: `0.005`."""
    return f"{share.normalize():f}"


def threshold(burn: Burn, target: Decimal) -> str:
    """Share of misses at which the budget burns that fast, exactly: `0.072`.

    At a loose target a factor can ask for more than every request; then all of them must miss.
    """
    return exactly(min(burn.factor * budget(target), Decimal("0.999")))
