"""The answers to a rendered dashboard's queries, from live servers, without Grafana."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import httpx

from dashboards import log_queries
from dashboards.queries import substitute
from demo.canvas import Series
from exporters.errors import BusySignalError, ServerMissingError

POINTS = 120

Labelled = tuple[Mapping[str, str], Sequence[tuple[float, float]]]
Ask = Callable[[str, float, float, float], Sequence[Labelled]]
"""PromQL, start, end and step in seconds; back come labels and points of every series."""
Marks = tuple[tuple[float, str], ...]
Search = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""The body of a `_search` in Elasticsearch; back comes its reply."""


def prometheus(url: str) -> Ask:
    """Ask a Prometheus server for ranges."""

    def ask(expr: str, start: float, end: float, step: float) -> list[Labelled]:
        query: dict[str, str | float] = {"query": expr, "start": start, "end": end, "step": step}
        reply = _reply(
            f"Prometheus at {url}", "--url", expr,
            lambda: httpx.get(f"{url}/api/v1/query_range", params=query, timeout=30),
        )  # fmt: skip
        return [
            (one["metric"], [(float(at), float(value)) for at, value in one["values"]])
            for one in reply["data"]["result"]
        ]

    return ask


def elasticsearch(url: str, index: str = "logs-*") -> Search:
    """Search the logs of an Elasticsearch server."""

    def find(body: Mapping[str, Any]) -> Mapping[str, Any]:
        return _reply(
            f"Elasticsearch at {url}", "--logs", str(body),
            lambda: httpx.post(f"{url}/{index}/_search", json=body, timeout=30),
        )  # fmt: skip

    return find


def _reply(
    server: str, option: str, asked: str, send: Callable[[], httpx.Response]
) -> Mapping[str, Any]:
    """What a server replied. Raises where it is not there, or refused what was asked."""
    try:
        reply = send()
    except httpx.TransportError as error:
        raise ServerMissingError(
            f"no {server} ({error}); start one or give another {option}"
        ) from None
    if reply.status_code != httpx.codes.OK:
        raise BusySignalError(f"{server} refused {asked}: {reply.text}")
    answer: Mapping[str, Any] = reply.json()
    return answer


@dataclass(frozen=True)
class Window:
    """What is shown: Unix times in seconds, and the values of the dashboard's variables."""

    start: float
    end: float
    values: Mapping[str, str]

    @property
    def step(self) -> int:
        return max(round((self.end - self.start) / POINTS), 1)

    def promql(self, expr: str) -> str:
        """The query as Grafana would send it for this window."""
        interval, span = max(4 * self.step, 4), max(round(self.end - self.start), 1)
        return substitute(expr, self.values, rate_interval=f"{interval}s", span=f"{span}s")


@dataclass(frozen=True)
class Copy:
    """One box of a panel: its title, and every series with the letter of its query."""

    title: str
    found: Sequence[tuple[str, Series]] = ()
    lines: Sequence[Mapping[str, Any]] = ()

    @property
    def series(self) -> list[Series]:
        return [one for _, one in self.found]


@dataclass(frozen=True)
class Answers:
    """Where panels get their data from, and for which window."""

    ask: Ask
    window: Window
    search: Search | None = None

    def marks(self, document: Mapping[str, Any]) -> Iterator[tuple[float, str]]:
        """When each of the dashboard's annotations begins, with its colour."""
        window = self.window
        for mark in document["annotations"]["list"]:
            if "expr" not in mark:
                continue
            promql = window.promql(mark["expr"])
            for _, points in self.ask(promql, window.start, window.end, window.step):
                moments = [moment for moment, value in points if value > 0]
                for before, moment in pairwise([-math.inf, *moments]):
                    if moment - before > 2 * window.step:
                        yield moment, mark["iconColor"]

    def copies(self, panel: Mapping[str, Any]) -> list[Copy]:
        """One box, or one for each value of the label the panel repeats over."""
        title = self._titled(panel)
        if panel["type"] == "row":
            return [Copy(title)]
        if panel["type"] == "logs":
            return [Copy(title, lines=log_queries.lines(self._reply(panel["targets"][0])))]
        found = self._found(panel)
        repeat: str = panel.get("repeat", "")
        names = sorted({one.labels[repeat] for _, one in found if repeat in one.labels})
        return [
            Copy(
                title.replace(f"${repeat}", name),
                [(letter, one) for letter, one in found if one.labels.get(repeat) == name],
            )
            for name in names
        ] or [Copy(title, found)]

    def _titled(self, panel: Mapping[str, Any]) -> str:
        title: str = panel["title"]
        for name, value in self.window.values.items():
            title = title.replace(f"${name}", value)
        return title

    def _found(self, panel: Mapping[str, Any]) -> list[tuple[str, Series]]:
        """Every series, with the letter of its query."""
        return [
            (target["refId"], one)
            for target in panel["targets"]
            for one in (self._series(target) if "expr" in target else self._counted(target))
        ]

    def _series(self, target: Mapping[str, Any]) -> list[Series]:
        window = self.window
        start = window.end if target["instant"] else window.start
        answer = self.ask(window.promql(target["expr"]), start, window.end, window.step)
        return [
            Series(_legend(target["legendFormat"], labels), labels, points)
            for labels, points in answer
        ]

    def _counted(self, target: Mapping[str, Any]) -> list[Series]:
        field = target["bucketAggs"][0].get("field", "")
        return [
            Series(name, {field: name}, points)
            for name, points in log_queries.counts(target, self._reply(target))
        ]

    def _reply(self, target: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.search is None:
            return {"aggregations": {"2": {"buckets": []}}, "hits": {"hits": []}}
        start, end, step = self.window.start, self.window.end, self.window.step
        return self.search(log_queries.search(target, start, end, self.window.values, step=step))


def _legend(template: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda name: labels.get(name[1], ""), template).strip()
