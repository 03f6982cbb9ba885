"""Draw a rendered dashboard from live data into one HTML page, and photograph it.

This is a preview and not Grafana: it reads the dashboard's JSON and runs its queries against a
real Prometheus, but every line on the page is drawn by `demo.drawing`. It shows whether panels
have data, in which units, under which legends; it does not show how Grafana will lay them out.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from dashboards import log_queries
from dashboards.queries import substitute
from demo.canvas import Canvas, Series
from demo.drawing import draw
from demo.tables import log_lines, table
from exporters.errors import BusySignalError, ServerMissingError

COLUMN, LINE, GAP = 60, 38, 8
POINTS = 120
STYLE = """
body { margin: 0; background: #f4f5f5; font: 12px sans-serif; color: #24292e }
main { position: relative; width: 1448px }
section { position: absolute; background: #fff; border: 1px solid #d8d9da; overflow: hidden }
h1 { font-size: 18px; margin: 10px } h2 { position: absolute; font-size: 14px; margin: 12px 8px }
h3 { font-size: 12px; margin: 5px 8px; height: 14px; overflow: hidden; white-space: nowrap }
.stat { font-size: 24px; text-align: center; margin: 22px 4px } .empty { text-align: center;
color: #8e8e8e; margin-top: 40px } .grid { stroke: #e8e8e8 } text { font-size: 10px;
fill: #555; paint-order: stroke; stroke: #fff; stroke-width: 2px }
table { width: 100%; border-collapse: collapse } td, th { text-align: left; padding: 3px 8px;
border-bottom: 1px solid #eee } .line { font: 11px monospace; margin: 2px 8px; white-space: nowrap }
"""

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
        try:
            reply = httpx.get(f"{url}/api/v1/query_range", params=query, timeout=30)
        except httpx.TransportError as error:
            raise ServerMissingError(
                f"no Prometheus at {url} ({error}); start one or give another --url"
            ) from None
        if reply.status_code != httpx.codes.OK:
            raise BusySignalError(f"Prometheus refused {expr}: {reply.text}")
        return [
            (one["metric"], [(float(at), float(value)) for at, value in one["values"]])
            for one in reply.json()["data"]["result"]
        ]

    return ask


def elasticsearch(url: str, index: str = "logs-*") -> Search:
    """Search the logs of an Elasticsearch server."""

    def find(body: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            reply = httpx.post(f"{url}/{index}/_search", json=body, timeout=30)
        except httpx.TransportError as error:
            raise ServerMissingError(
                f"no Elasticsearch at {url} ({error}); start one or give another --logs"
            ) from None
        if reply.status_code != httpx.codes.OK:
            raise BusySignalError(f"Elasticsearch refused {body}: {reply.text}")
        answer: Mapping[str, Any] = reply.json()
        return answer

    return find


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
class Preview:
    """Where panels get their data from, and for which window."""

    ask: Ask
    window: Window
    search: Search | None = None

    def page(self, document: Mapping[str, Any]) -> str:
        """Draw every panel of one dashboard."""
        marks = tuple(self._marks(document))
        boxes = [box for panel in document["panels"] for box in self._boxes(panel, marks)]
        title = escape(document["title"])
        return (
            f'<!doctype html><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
            f'<h1>{title}</h1><main style="height:{height(document)}px">{"".join(boxes)}</main>\n'
        )

    def _marks(self, document: Mapping[str, Any]) -> Iterator[tuple[float, str]]:
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

    def _boxes(self, panel: Mapping[str, Any], marks: Marks) -> list[str]:
        grid = panel["gridPos"]
        x, y = grid["x"] * COLUMN + GAP, grid["y"] * LINE
        if panel["type"] == "row":
            return [f'<h2 style="left:{x}px;top:{y}px">{escape(panel["title"])}</h2>']
        copies = self._copies(panel)
        wide, high = grid["w"] * COLUMN / len(copies) - GAP, grid["h"] * LINE - GAP
        canvas = Canvas(wide, high - 26, self.window.start, self.window.end, marks=marks)
        return [
            f'<section style="left:{x + place * (wide + GAP):.0f}px;top:{y}px;width:{wide:.0f}px;'
            f'height:{high}px"><h3>{escape(title)}</h3>{inside(canvas)}</section>'
            for place, (title, inside) in enumerate(copies)
        ]

    def _copies(self, panel: Mapping[str, Any]) -> list[tuple[str, Callable[[Canvas], str]]]:
        """One box, or one for each value of the label the panel repeats over."""
        title = self._titled(panel)
        if panel["type"] == "logs":
            return [(title, lambda _: log_lines(panel, self._lines(panel)))]
        found = self._found(panel)
        if panel["type"] == "table":
            return [(title, lambda _: table(panel, found))]
        series = [one for _, one in found]
        repeat: str = panel.get("repeat", "")
        names = sorted({one.labels[repeat] for one in series if repeat in one.labels})
        if not names:
            return [(title, partial(draw, panel, series))]
        return [
            (
                title.replace(f"${repeat}", name),
                partial(draw, panel, [one for one in series if one.labels.get(repeat) == name]),
            )
            for name in names
        ]

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

    def _lines(self, panel: Mapping[str, Any]) -> list[dict[str, Any]]:
        return log_queries.lines(self._reply(panel["targets"][0]))

    def _reply(self, target: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.search is None:
            return {"aggregations": {"2": {"buckets": []}}, "hits": {"hits": []}}
        start, end, step = self.window.start, self.window.end, self.window.step
        return self.search(log_queries.search(target, start, end, self.window.values, step=step))


def page(document: Mapping[str, Any], ask: Ask, window: Window) -> str:
    """Draw every panel of one dashboard that Prometheus alone can fill."""
    return Preview(ask, window).page(document)


def height(document: Mapping[str, Any]) -> int:
    """Pixels from the first panel's top to the last one's bottom."""
    grids: list[dict[str, int]] = [panel["gridPos"] for panel in document["panels"]]
    return LINE * max(grid["y"] + grid["h"] for grid in grids)


def _legend(template: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda name: labels.get(name[1], ""), template).strip()


def photograph(html: Path, picture: Path, pixels: int, scale: float = 1.0) -> None:
    """Let headless Chromium render a page into a PNG."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise ServerMissingError("no chromium on PATH; install it, or leave out --screenshot")
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--no-first-run", f"--user-data-dir={profile}", f"--window-size=1464,{pixels}",
            f"--force-device-scale-factor={scale}",
            f"--screenshot={picture.resolve()}", html.resolve().as_uri(),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=120)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, draw the page, photograph it where asked."""
    parser = argparse.ArgumentParser(prog="python -m demo.preview", description=__doc__)
    parser.add_argument("dashboard", type=Path, help="a rendered dashboard's JSON")
    parser.add_argument("--url", default="http://127.0.0.1:9090", help="the Prometheus server")
    parser.add_argument("--logs", help="the Elasticsearch server, for panels of logs")
    parser.add_argument("--start", type=float, help="Unix time; five minutes before the end")
    parser.add_argument("--end", type=float, help="Unix time; now")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--out", type=Path, default=Path("preview.html"))
    parser.add_argument("--screenshot", type=Path)
    given = parser.parse_args(arguments)
    end = given.end or time.time()
    document = json.loads(given.dashboard.read_text(encoding="utf-8"))
    values = {"service": "chat"} | dict(pair.split("=", 1) for pair in given.var)
    try:
        window = Window(given.start or end - 300, end, values)
        logs = elasticsearch(given.logs) if given.logs else None
        preview = Preview(prometheus(given.url), window, logs)
        given.out.write_text(preview.page(document), encoding="utf-8")
        if given.screenshot:
            photograph(given.out, given.screenshot, height(document) + 50)
    except BusySignalError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
