"""Burn-rate arithmetic: how fast a service eats its error budget, and when that is worth a page.

Factors and windows are those of Google's SRE workbook, "Alerting on SLOs": a page when 2 % of a
30-day budget goes within an hour or 5 % within six, a ticket at 10 % within one day or three.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Burn:
    """Too fast when both windows burn `factor` times what the objective allows."""

    factor: Decimal
    long: str
    short: str


PAGE = (Burn(Decimal("14.4"), "1h", "5m"), Burn(Decimal(6), "6h", "30m"))
TICKET = (Burn(Decimal(3), "1d", "2h"), Burn(Decimal(1), "3d", "6h"))


def budget(target: Decimal) -> Decimal:
    """Share of requests that may miss an objective: 0.005 for a target of 0.995."""
    return 1 - target


def threshold(burn: Burn, target: Decimal) -> str:
    """Share of misses at which the budget burns that fast, exactly: `0.072`.

    At a loose target a factor can ask for more than every request; then all of them must miss.
    """
    share = min(burn.factor * budget(target), Decimal("0.999"))
    return f"{share.normalize():f}"
