"""Every query that rendered dashboards send, so that each can be run against a real Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exporters.catalog import boards

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


@dataclass(frozen=True)
class RightlyEmpty:
    """A panel without series while all is well, and the fault whose run fills it.

    `fault` is empty where the demo has nothing that such a panel could show.
    """

    board: str
    panel: str
    fault: str
    why: str


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


_SERVICE, _GPU, _PROBE, _ENDPOINTS = (
    board.uid for board in (boards.SERVICE, boards.GPU, boards.PROBE, boards.ENDPOINTS)
)
_NOT_IN_THE_DEMO = {
    (_GPU, "its GPUs are whole"): (
        "Memory by MIG instance", "SMs by MIG instance", "Bandwidth by MIG instance",
    ),
    (_GPU, "its processes run in no container"): ("Memory by container", "SMs by container"),
    (_PROBE, "its devices have no datasheet, clock or neighbours"): (
        "Nearest to its peak", "Share of the peak", "Beside other work", "SM clock after a sample",
        "Left out", "Rounds left out", "Memory of the probe",
    ),
    (_ENDPOINTS, "it runs no canary"): (
        "Right answers", "Slowest first token", "Certificate ends in", "Last asked", "Answers",
        "Outcomes", "Where the time goes at $endpoint", "Time to the first token",
        "Time between tokens", "Told to come back later", "Not what was asked for",
    ),
    (_ENDPOINTS, "its clients measure themselves otherwise"): (
        "Requests as felt", "Time as felt", "Retry share", "Retries", "Given up", "Give-up share",
        "Circuit breakers",
    ),
}  # fmt: skip

RIGHTLY_EMPTY = (
    RightlyEmpty(_SERVICE, "Open verdict", "slow_replica", "no incident is open"),
    RightlyEmpty(_SERVICE, "Alerts firing", "slow_replica", "nothing fires"),
    RightlyEmpty(_SERVICE, "Verdicts", "slow_replica", "no incident is open"),
    RightlyEmpty(_SERVICE, "Refused by reason", "traffic_burst", "nothing was ever refused"),
    RightlyEmpty(_SERVICE, "Ejected replicas", "slow_replica", "no replica was ever ejected"),
    RightlyEmpty(_SERVICE, "Held back by CPU quota", "cpu_starvation", "no replica has a quota"),
    RightlyEmpty(_SERVICE, "Cache hits", "cache_outage", "no cache is looked up"),
    RightlyEmpty(_SERVICE, "Cache errors", "cache_outage", "no cache is looked up"),
    RightlyEmpty(_GPU, "NVLinks down", "gpu_fault", "no link went down"),
    RightlyEmpty(_GPU, "Readings lost", "telemetry_gap", "all readings work"),
    RightlyEmpty(_GPU, "Simulated", "gpu_fault", "the driver is the real one"),
    RightlyEmpty(_GPU, "Failed calls", "gpu_fault", "every call into the driver worked"),
    *(
        RightlyEmpty(uid, panel, "", why)
        for (uid, why), titles in _NOT_IN_THE_DEMO.items()
        for panel in titles
    ),
)
"""Panels that a healthy run may leave empty; every other panel must have data in it."""
