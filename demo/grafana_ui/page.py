"""One HTML page that stands alone: a dashboard's JSON, its answers, and the script that draws."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any, Final

from demo.answers import Answers, Copy
from demo.canvas import Series
from demo.grafana_ui.bundling import Bundle
from demo.tables import log_line

PATIENCE_MS: Final = 10_000
NOT_YET: Final = "not drawn: the browser's console tells why"

Json = dict[str, Any]


def page(document: Mapping[str, Any], answers: Answers, bundle: Bundle) -> str:
    """Draw every panel of one dashboard, when a browser opens the page."""
    title = escape(document["title"])
    # NaN and Infinity, which JSON lacks, are JavaScript; no string may end the script
    board = json.dumps(inlined(document, answers), ensure_ascii=False).replace("</", "<\\/")
    return (
        f'<!doctype html><meta charset="utf-8"><title>{title}</title><style>{bundle.css}</style>'
        f'<div id="page">{NOT_YET}</div><script>window.board = {board}</script>'
        f"<script>{bundle.js}</script>\n"
    )


def inlined(document: Mapping[str, Any], answers: Answers) -> Json:
    """What `board.ts` declares: times in milliseconds, a box for each panel or copy of one."""
    window = answers.window
    return {
        "title": document["title"],
        "start": window.start * 1000,
        "end": window.end * 1000,
        "step": window.step * 1000,
        "marks": [(at * 1000, color) for at, color in answers.marks(document)],
        "boxes": [box for panel in document["panels"] for box in _boxes(panel, answers)],
    }


def _boxes(panel: Mapping[str, Any], answers: Answers) -> list[Json]:
    copies = answers.copies(panel)
    return [
        {"panel": panel, "place": place, "of": len(copies), **_filled(copy)}
        for place, copy in enumerate(copies)
    ]


def _filled(copy: Copy) -> Json:
    return {
        "title": copy.title,
        "answers": [_answer(letter, one) for letter, one in copy.found],
        "lines": [log_line(one) for one in copy.lines],
    }


def _answer(letter: str, one: Series) -> Json:
    points = [(at * 1000, value) for at, value in one.points]
    return {"refId": letter, "legend": one.legend, "labels": dict(one.labels), "points": points}
