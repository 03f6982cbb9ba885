"""Every query that rendered dashboards send, so that each can be run against a real Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ANY = ".*"
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}")


@dataclass(frozen=True)
class PanelQuery:
    """One target of one panel, as the dashboard's JSON has it."""

    board: str
    panel: str
    type: str
    expr: str
    legend: str
    instant: bool

    def promql(
        self, values: Mapping[str, str], *, rate_interval: str = "5m", span: str = "1h"
    ) -> str:
        """What Grafana would send with these variables chosen; others are left at All."""
        return substitute(self.expr, values, rate_interval=rate_interval, span=span)


def substitute(text: str, values: Mapping[str, str], *, rate_interval: str, span: str) -> str:
    """Put values where Grafana would: its own macros, then the dashboard's variables."""
    known = {
        "__rate_interval": rate_interval,
        "__interval": rate_interval,
        "__range": span,
        "__range_s": str(seconds(span)),
        **values,
    }
    return _VARIABLE.sub(lambda found: known.get(found[1] or found[2], ANY), text)


def seconds(span: str) -> int:
    """How long `90s`, `5m`, `1h` or `7d` is."""
    return int(span[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[span[-1]]


def panels(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All panels of a dashboard's JSON but the row headings."""
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def panel_queries(document: Mapping[str, Any]) -> list[PanelQuery]:
    """Every panel's queries, in the order of the dashboard."""
    return [
        PanelQuery(
            board=document["uid"],
            panel=panel["title"],
            type=panel["type"],
            expr=target["expr"],
            legend=target["legendFormat"],
            instant=target["instant"],
        )
        for panel in panels(document)
        for target in panel["targets"]
        if "expr" in target
    ]


def other_queries(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and PromQL of annotations and of what fills the variables."""
    for mark in document["annotations"]["list"]:
        if "expr" in mark:
            yield mark["name"], mark["expr"]
    for variable in document["templating"]["list"]:
        if variable["type"] == "query" and variable["datasource"]["type"] == "prometheus":
            yield variable["name"], _selector_of(variable["query"])


def _selector_of(label_values: str) -> str:
    return label_values.removeprefix("label_values(").rpartition(",")[0]
