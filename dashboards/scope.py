"""The chosen service, models and replicas in queries, and the panels that every board repeats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from alerts.config import Thresholds
from dashboards import marks
from dashboards.panels import (
    Dashboard,
    Heatmap,
    Panel,
    Query,
    Row,
    Stat,
    StateTimeline,
    TimeSeries,
    Value,
    Variable,
    rising,
)
from exporters.catalog import Gauge, Histogram, Recorded, Selector, Signal, neutral, stack
from exporters.catalog.boards import Board
from exporters.catalog.foreign import ALERTS

SERVICE = "$service"
PHASE_COLORS = {
    "gateway": "yellow", "queue": "orange", "prefill": "blue", "decode": "green",
    "upstream": "purple",
}  # fmt: skip


def choose(
    name: str, label: str, series: Selector, *, several: bool = True, hidden: bool = False
) -> Variable:
    """Let people choose among the values that a label of the series has."""
    query = f"label_values({series}, {name})"
    return Variable(name=name, label=label, query=query, several=several, hidden=hidden)


def service_variable() -> Variable:
    """The choice of one service, of those that are called."""
    return choose("service", "Service", neutral.STARTED_RATE.value, several=False)


def whole(board: Board, about: str, variables: tuple[Variable, ...], *rows: Row) -> Dashboard:
    """Put a dashboard together, with the marks that its variables allow."""
    names = {variable.name for variable in variables}
    drawn = marks.FOR_SERVICE if "service" in names else marks.ANYWHERE
    return Dashboard(board=board, about=about, variables=variables, marks=drawn, rows=rows)


def of(selector: Selector) -> Selector:
    """Narrow to the chosen service, and to the chosen models where the series tells them apart."""
    chosen = selector.where(service=SERVICE)
    return chosen.matching(model="$model") if "model" in selector.labels else chosen


def part_of(selector: Selector) -> Selector:
    """Narrow to the chosen service and to the chosen replicas."""
    return selector.where(service=SERVICE).matching(replica="$replica")


def stat(
    title: str,
    about: str,
    signal: Signal,
    expr: str,
    *,
    beside: tuple[Signal, ...] = (),
    **more: Any,
) -> Stat:
    """Show one number; `beside` are further signals that its query reads."""
    more.setdefault("width", 3)
    queries = (Query(expr, title),)
    return Stat(title=title, about=about, signals=(signal, *beside), queries=queries, **more)


def drawn(
    title: str,
    about: str,
    signal: Signal,
    expr: str,
    legend: str,
    *,
    beside: tuple[Signal, ...] = (),
    **more: Any,
) -> TimeSeries:
    """Draw one query over time; `beside` are further signals that it reads."""
    queries = (Query(expr, legend),)
    return TimeSeries(title=title, about=about, signals=(signal, *beside), queries=queries, **more)


@dataclass(frozen=True)
class Chosen:
    """Panels of one signal, narrowed to what the board's variables choose.

    `width` is a number's; `empty` stands where no series is.
    """

    narrow: Callable[[Selector], Selector]
    legend: str
    width: int = 3
    empty: str = ""

    def stat(self, title: str, about: str, signal: Recorded, pick: str, **more: Any) -> Stat:
        """Show the `min`, `max` or `sum` over all that is chosen."""
        expr = f"{pick}({self.narrow(signal.value)})"
        return stat(title, about, signal, expr, **{"width": self.width} | self._empty() | more)

    def lines(
        self, title: str, about: str, signal: Recorded | Gauge, legend: str = "", **more: Any
    ) -> TimeSeries:
        """Draw every series that is chosen."""
        expr = self.narrow(signal.value)
        return drawn(title, about, signal, expr, legend or self.legend, **self._empty() | more)

    def _empty(self) -> dict[str, Any]:
        return {"empty": self.empty} if self.empty else {}


def durations(title: str, about: str, levels: Thresholds, whose: str, **more: Any) -> TimeSeries:
    """Draw how long requests take, at the median and in the tail; `whose` ends the legend."""
    slow, usual = neutral.DURATION_P99, neutral.DURATION_P50
    queries = (Query(of(slow.value), f"p99{whose}"), Query(of(usual.value), f"p50{whose}"))
    return TimeSeries(
        title=title,
        about=about,
        signals=(slow, usual),
        queries=queries,
        steps=rising(critical=levels.p99_seconds),
        **more,
    )


def lines(title: str, about: str, signal: Recorded, legend: str, **more: Any) -> TimeSeries:
    """Draw one recorded series of the chosen service as it is."""
    return drawn(title, about, signal, of(signal.value), legend, **more)


def by_part(title: str, about: str, signal: Recorded, **more: Any) -> TimeSeries:
    """Draw one recorded series per replica; where it has none, it is the gateway's."""
    named = f'label_replace({of(signal.value)}, "replica", "gateway", "replica", "")'
    return drawn(title, about, signal, named, "{{replica}}", **more)


def heatmap(title: str, about: str, histogram: Histogram, **more: Any) -> Heatmap:
    """Draw every observation of the gateway's histogram, with exemplars that lead to traces."""
    chosen = of(histogram.bucket.where(job="gateway"))
    query = Query(f"sum by (le) (rate({chosen}[$__rate_interval]))", "{{le}}", exemplar=True)
    return Heatmap(title=title, about=about, signals=(histogram,), queries=(query,), **more)


def or_no_traffic(expr: str) -> str:
    """NaN ("no traffic") where the front door is up but silent; nothing ("no data") where not."""
    door = neutral.TARGET_UP.value.where(job="gateway", service=SERVICE)
    return f"{expr}\nor on (service)\n(max by (service) ({door}) == 1) * NaN"


def incidents(firing: str, *, width: int = 8, height: int = 8) -> tuple[Panel, ...]:
    """What fires, and what was named as the cause."""
    return (
        StateTimeline(
            title="Alerts firing",
            about="Alerts of this service and of the parts below it; the watchdog is left out.",
            signals=(ALERTS,),
            queries=(Query(firing, "{{alertname}} {{severity}}"),),
            values=(Value(1, "firing", "red"),),
            empty="nothing fires",
            width=width,
            height=height,
        ),
        StateTimeline(
            title="Verdicts",
            about="The cause at rank 1 of each open incident.",
            signals=(stack.VERDICT_INFO,),
            queries=(Query(marks.OPEN_VERDICTS, "{{cause}} {{entity}}"),),
            values=(Value(1, "open", "purple"),),
            empty="no open incident",
            width=width,
            height=height,
        ),
    )
