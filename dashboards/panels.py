"""What a dashboard is made of, in types: panels that know which catalogue signals they draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from exporters.catalog import Recorded, Signal
from exporters.catalog.boards import Board
from exporters.catalog.signal import Unit

GRID_WIDTH = 24


@dataclass(frozen=True)
class Query:
    """One PromQL query of a panel and how its series are called in the legend."""

    expr: str
    legend: str
    exemplar: bool = False


@dataclass(frozen=True)
class Step:
    """From this value on, this colour; the base step has no value."""

    color: str
    value: float | None = None


def rising(warning: float | None = None, critical: float | None = None) -> tuple[Step, ...]:
    """Green, orange from `warning`, red from `critical`: more is worse."""
    levels = (("orange", warning), ("red", critical))
    return (Step("green"), *(Step(color, value) for color, value in levels if value is not None))


def falling(critical: float) -> tuple[Step, ...]:
    """Red below `critical`, green from there on: less is worse."""
    return (Step("red"), Step("green", critical))


PLAIN = (Step("text"),)
"""No thresholds, said out loud: left out, Grafana would colour everything from 80 on red."""


@dataclass(frozen=True)
class Value:
    """A value that has a name and a colour of its own."""

    value: int
    text: str
    color: str


@dataclass(frozen=True)
class Link:
    """A link from a point of a panel to where it is explained."""

    title: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A titled box; its unit is its first signal's unless the query changes it.

    `empty` is what it says when no series comes back.
    """

    title: str
    about: str
    signals: tuple[Signal, ...]
    queries: tuple[Query, ...]
    width: int = 8
    height: int = 8
    unit: Unit | None = None
    steps: tuple[Step, ...] = PLAIN
    values: tuple[Value, ...] = ()
    links: tuple[Link, ...] = ()
    repeat: str | None = None
    empty: str = "no data"

    @property
    def shown_unit(self) -> Unit:
        return self.unit or self.signals[0].unit

    @property
    def description(self) -> str:
        """What the panel tells, then each signal it draws in the catalogue's words."""
        lines = [f"- `{_series(signal)}`: {signal.help}" for signal in self.signals]
        return "\n".join([self.about, "", *lines])


def _series(signal: Signal) -> str:
    return signal.name if isinstance(signal, Recorded) else next(iter(signal.selectors())).series


@dataclass(frozen=True, kw_only=True)
class TimeSeries(Panel):
    """Lines over time, or bars, or areas that add up."""

    style: Literal["line", "bars", "stacked"] = "line"
    minimum: float | None = 0
    maximum: float | None = None
    colors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Stat(Panel):
    """One big number, now."""

    width: int = 4
    height: int = 4
    decimals: int | None = None
    show: Literal["value", "name"] = "value"


@dataclass(frozen=True, kw_only=True)
class Heatmap(Panel):
    """A histogram's buckets over time."""

    width: int = 12


@dataclass(frozen=True, kw_only=True)
class StateTimeline(Panel):
    """Which state each series is in, over time."""

    width: int = 12


@dataclass(frozen=True)
class Row:
    """Panels under one heading, laid out left to right and wrapped."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A choice at the top of the dashboard, filled from a series' label."""

    name: str
    label: str
    query: str
    several: bool = False
    hidden: bool = False


@dataclass(frozen=True)
class Mark:
    """An annotation: points or spans in time where the query is above zero."""

    name: str
    expr: str
    title: str
    text: str
    color: str


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A whole dashboard, before any Grafana."""

    board: Board
    about: str
    variables: tuple[Variable, ...]
    marks: tuple[Mark, ...]
    rows: tuple[Row, ...]

    @property
    def panels(self) -> tuple[Panel, ...]:
        return tuple(panel for row in self.rows for panel in row.panels)
