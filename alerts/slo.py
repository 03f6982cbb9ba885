"""Service levels as data, and how fast a service eats its error budget before that is worth a page.

Factors and windows are those of Google's SRE workbook, "Alerting on SLOs": a page when 2 % of a
30-day budget goes within an hour or 5 % within six, a ticket at 10 % within one day or three.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from textwrap import indent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.objectives import Objectives, ServiceObjectives
    from exporters.catalog.signal import Selector


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

    `alerts` begins the names of its alerts; `own` are those of services that keep another one.
    """

    slo: str
    alerts: str
    target: Decimal
    bound: float | None = None
    service: str | None = None
    own: tuple[Level, ...] = ()

    @property
    def budget(self) -> Decimal:
        """Share of requests that may miss it, exactly."""
        return budget(self.target)

    def each(self) -> tuple[Level, ...]:
        """That of the services with none of their own, then each other one."""
        return (self, *self.own)

    def of(self, series: Selector) -> Selector:
        """Those of the series that this level is for."""
        if self.service is not None:
            return series.where(service=self.service)
        if self.own:
            return series.unlike(service="|".join(str(one.service) for one in self.own))
        return series

    def query(self, write: Callable[[Level], str]) -> str:
        """One query for all services, from the query of each level."""
        if not self.own:
            return write(self)
        return "\nor\n".join(f"(\n{indent(write(one), '  ')}\n)" for one in self.each())

    def text(self, write: Callable[[Level], str]) -> str:
        """What a person reads of it, as a template for an annotation where services differ."""
        said = write(self)
        for one in reversed(self.own):
            said = (
                f'{{{{ if eq $labels.service "{one.service}" }}}}{write(one)}'
                f"{{{{ else }}}}{said}{{{{ end }}}}"
            )
        return said


def levels(objectives: Objectives) -> tuple[Level, ...]:
    """Every service level of the config, the one about all of them last."""
    own = [(service, _levels(objectives.of(service))) for service in objectives.services]
    return tuple(
        replace(
            level,
            own=tuple(
                replace(others[place], service=service)
                for service, others in own
                if others[place] != level
            ),
        )
        for place, level in enumerate(_levels(objectives))
    )


def _levels(kept: ServiceObjectives) -> tuple[Level, ...]:
    latency, first, gap = kept.latency, kept.first_token, kept.inter_token
    return (
        Level("availability", "Availability", kept.availability.target),
        Level("latency", "Latency", latency.target, latency.bound_seconds),
        Level("first_token", "FirstToken", first.target, first.bound_seconds),
        Level("inter_token", "InterToken", gap.target, gap.bound_seconds),
        Level("goodput", "Goodput", kept.goodput.target),
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
