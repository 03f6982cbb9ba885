"""Draw a rendered dashboard from live data into one HTML page, and photograph it.

This is not Grafana. It reads the dashboard's JSON and runs its queries against a real Prometheus.
By default every line on the page is drawn by `demo.drawing`, which needs nothing but a browser;
with --renderer grafana-ui the same answers are drawn by Grafana's own components, which npm sets
up at the first use (0.7 GB in the cache).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from demo import grafana_ui
from demo.answers import Answers, Ask, Copy, Marks, Window, elasticsearch, prometheus
from demo.canvas import Canvas
from demo.drawing import draw
from demo.tables import log_lines, table
from exporters.errors import BusySignalError, ServerMissingError

COLUMN, LINE, GAP = 60, 38, 8
RENDERERS = ("own", "grafana-ui")
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


def drawn(document: Mapping[str, Any], answers: Answers) -> str:
    """Draw every panel of one dashboard."""
    marks = tuple(answers.marks(document))
    boxes = [box for panel in document["panels"] for box in _boxes(panel, marks, answers)]
    title = escape(document["title"])
    return (
        f'<!doctype html><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f'<h1>{title}</h1><main style="height:{height(document)}px">{"".join(boxes)}</main>\n'
    )


def page(document: Mapping[str, Any], ask: Ask, window: Window) -> str:
    """Draw every panel of one dashboard that Prometheus alone can fill."""
    return drawn(document, Answers(ask, window))


def _boxes(panel: Mapping[str, Any], marks: Marks, answers: Answers) -> list[str]:
    grid, window = panel["gridPos"], answers.window
    x, y = grid["x"] * COLUMN + GAP, grid["y"] * LINE
    if panel["type"] == "row":
        return [f'<h2 style="left:{x}px;top:{y}px">{escape(panel["title"])}</h2>']
    copies = answers.copies(panel)
    wide, high = grid["w"] * COLUMN / len(copies) - GAP, grid["h"] * LINE - GAP
    canvas = Canvas(wide, high - 26, window.start, window.end, marks=marks)
    return [
        f'<section style="left:{x + place * (wide + GAP):.0f}px;top:{y}px;width:{wide:.0f}px;'
        f'height:{high}px"><h3>{escape(copy.title)}</h3>{_inside(panel, copy, canvas)}</section>'
        for place, copy in enumerate(copies)
    ]


def _inside(panel: Mapping[str, Any], copy: Copy, canvas: Canvas) -> str:
    if panel["type"] == "logs":
        return log_lines(panel, copy.lines)
    if panel["type"] == "table":
        return table(panel, copy.found)
    return draw(panel, copy.series, canvas)


def height(document: Mapping[str, Any]) -> int:
    """Pixels from the first panel's top to the last one's bottom."""
    grids: list[dict[str, int]] = [panel["gridPos"] for panel in document["panels"]]
    return LINE * max(grid["y"] + grid["h"] for grid in grids)


def photograph(
    html: Path, picture: Path, pixels: int, scale: float = 1.0, *, patience_ms: int = 0
) -> None:
    """Let headless Chromium render a page into a PNG.

    A page that draws itself by script is given up to `patience_ms` of its own time to be done.
    """
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise ServerMissingError("no chromium on PATH; install it, or leave out --screenshot")
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--no-first-run", f"--user-data-dir={profile}", f"--window-size=1464,{pixels}",
            f"--force-device-scale-factor={scale}",
            *([f"--virtual-time-budget={patience_ms}"] if patience_ms else []),  # 0: it never ends
            f"--screenshot={picture.resolve()}", html.resolve().as_uri(),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=120)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, draw the page, photograph it where asked."""
    parser = argparse.ArgumentParser(prog="python -m demo.preview", description=__doc__)
    parser.add_argument("dashboard", type=Path, help="a rendered dashboard's JSON")
    parser.add_argument("--renderer", choices=RENDERERS, default=RENDERERS[0])
    parser.add_argument("--url", default="http://127.0.0.1:9090", help="the Prometheus server")
    parser.add_argument("--logs", help="the Elasticsearch server, for panels of logs")
    parser.add_argument("--start", type=float, help="Unix time; five minutes before the end")
    parser.add_argument("--end", type=float, help="Unix time; now")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--out", type=Path, default=Path("preview.html"))
    parser.add_argument("--screenshot", type=Path)
    given = parser.parse_args(arguments)
    try:
        _write(given)
    except BusySignalError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _write(given: argparse.Namespace) -> None:
    end = given.end or time.time()
    document = json.loads(given.dashboard.read_text(encoding="utf-8"))
    values = {"service": "chat"} | dict(pair.split("=", 1) for pair in given.var)
    window = Window(given.start or end - 300, end, values)
    logs = elasticsearch(given.logs) if given.logs else None
    answers = Answers(prometheus(given.url), window, logs)
    theirs = given.renderer == RENDERERS[1]
    bundle = grafana_ui.bundle(grafana_ui.set_up(_say)) if theirs else None
    text = grafana_ui.page(document, answers, bundle) if bundle else drawn(document, answers)
    given.out.write_text(text, encoding="utf-8")
    if given.screenshot:
        patience = grafana_ui.PATIENCE_MS if theirs else 0
        photograph(given.out, given.screenshot, height(document) + 50, patience_ms=patience)


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


if __name__ == "__main__":
    sys.exit(main())
