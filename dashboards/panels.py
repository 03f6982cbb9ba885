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
class LogQuery:
    """Lines of log that match a Lucene query: themselves, or counted by the values of a field."""

    lucene: str
    by: str | None = None
    most: int = 10
    """How many values of the field are told apart, the most frequent first."""


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
    """A way from a point of a panel to another dashboard.

    The time range and the variables in `keeps` go along; `sets` gives others from the point itself,
    as Grafana writes it: `{"replica": "${__field.labels.replica}"}`.
    """

    title: str
    board: Board
    keeps: tuple[str, ...] = ()
    sets: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted({*self.keeps, *self.sets} - set(self.board.variables))
        if unknown:
            raise ValueError(
                f"dashboard {self.board.uid} has no variable {', '.join(unknown)}; "
                f"it has {', '.join(self.board.variables)}"
            )


@dataclass(frozen=True)
class Money:
    """The unit of a sum of money, by the currency's symbol."""

    symbol: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A titled box; its unit is its first signal's unless the query changes it.

    `empty` is what it says when no series comes back, `silent` when a value is not a number: the
    part is there and nothing happens in it.
    """

    title: str
    about: str
    signals: tuple[Signal, ...]
    queries: tuple[Query | LogQuery, ...]
    width: int = 8
    height: int = 8
    unit: Unit | Money | None = None
    steps: tuple[Step, ...] = PLAIN
    values: tuple[Value, ...] = ()
    links: tuple[Link, ...] = ()
    repeat: str | None = None
    empty: str = "no data"
    silent: str = "no traffic"
    helps: Mapping[str, str] = field(default_factory=dict)
    """What signals mean, in another language, by name; the catalogue's words where not given."""

    @property
    def shown_unit(self) -> Unit | Money:
        return self.unit or self.signals[0].unit

    @property
    def description(self) -> str:
        """What the panel tells, then each signal it draws in the catalogue's words, or field."""
        signals = (
            f"- `{_series(signal)}`: {self.helps.get(signal.name, signal.help)}"
            for signal in dict.fromkeys(self.signals)
        )
        counted = (query.by for query in self.queries if isinstance(query, LogQuery))
        fields = (f"- `{field}`" for field in counted if field)
        return "\n".join([self.about, "", *signals, *fields]).rstrip()


def _series(signal: Signal) -> str:
    return signal.name if isinstance(signal, Recorded) else next(iter(signal.selectors())).series


@dataclass(frozen=True, kw_only=True)
class TimeSeries(Panel):
    """Lines over time, or bars, or areas or bars that add up, or areas that share the height."""

    style: Literal["line", "bars", "stacked", "stacked bars", "shares"] = "line"
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


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table: what a query says of each row, in its signal's unit."""

    title: str
    signal: Signal
    expr: str
    unit: Unit | None = None
    steps: tuple[Step, ...] = PLAIN
    values: tuple[Value, ...] = ()
    decimals: int | None = None

    @property
    def shown_unit(self) -> Unit:
        return self.unit or self.signal.unit


@dataclass(frozen=True, kw_only=True)
class Table(Panel):
    """A row for each combination of labels, now; `keys` are the labels with their headings.

    Links lead from the first key's cells.
    """

    signals: tuple[Signal, ...] = ()
    queries: tuple[Query | LogQuery, ...] = ()
    keys: Mapping[str, str]
    columns: tuple[Column, ...]
    width: int = 24

    def __post_init__(self) -> None:
        if self.columns and not self.queries:
            object.__setattr__(self, "signals", tuple(column.signal for column in self.columns))
            asked = tuple(Query(column.expr, column.title) for column in self.columns)
            object.__setattr__(self, "queries", asked)


@dataclass(frozen=True, kw_only=True)
class Logs(Panel):
    """Lines of log, the newest first."""

    unit: Unit | Money | None = "1"
    width: int = 24
    height: int = 12


@dataclass(frozen=True)
class Row:
    """Panels under one heading, laid out left to right and wrapped."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A choice at the top of the dashboard, filled from a label, or from a field of the logs."""

    name: str
    label: str
    query: str
    several: bool = False
    hidden: bool = False
    of_logs: bool = False


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
    title: str = ""
    sources: tuple[str, str] = ("Prometheus data source", "Elasticsearch data source")
    """What the choices of data source are called."""

    @property
    def name(self) -> str:
        return self.title or self.board.title

    @property
    def panels(self) -> tuple[Panel, ...]:
        return tuple(panel for row in self.rows for panel in row.panels)

    @property
    def has_logs(self) -> bool:
        return any(isinstance(query, LogQuery) for panel in self.panels for query in panel.queries)
