"""Tables and lines of log of a dashboard's JSON as plain HTML."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from demo.canvas import NAMED, Series, level, named_values, show

Json = Mapping[str, Any]


def table(panel: Json, found: Sequence[tuple[str, Series]]) -> str:
    """Draw a table: `found` is every series with the letter of the query that it came from."""
    columns, keys = _headings(panel)
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    for letter, one in found:
        where = tuple(one.labels.get(label, "") for label in keys)
        rows.setdefault(where, {})[letter] = one.last
    if not rows:
        return f'<p class="empty">{escape(panel["fieldConfig"]["defaults"]["noValue"])}</p>'
    head = "".join(f"<th>{escape(name)}</th>" for name in (*keys.values(), *columns.values()))
    body = "".join(_row(panel, where, rows[where], columns) for where in sorted(rows))
    return f"<table><tr>{head}</tr>{body}</table>"


def _headings(panel: Json) -> tuple[dict[str, str], dict[str, str]]:
    """Column titles by letter, and titles of the labels that make a row."""
    (names,) = [
        part["options"]["renameByName"]
        for part in panel["transformations"]
        if part["id"] == "organize"
    ]
    values = {name: title for name, title in names.items() if name.startswith("Value")}
    columns = {name.removeprefix("Value #").replace("Value", "A"): title
               for name, title in values.items()}  # fmt: skip
    if "Count" in names:
        columns["A"] = names["Count"]
    return columns, {k: v for k, v in names.items() if k not in values and k != "Count"}


def _row(panel: Json, where: Sequence[str], values: Mapping[str, float], columns: Json) -> str:
    cells = [f"<td>{escape(part)}</td>" for part in where]
    for letter, title in columns.items():
        cells.append(_cell(_defaults(panel, title), values.get(letter)))
    return f"<tr>{''.join(cells)}</tr>"


def _defaults(panel: Json, title: str) -> dict[str, Any]:
    defaults = dict(panel["fieldConfig"]["defaults"])
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == title:
            defaults |= {one["id"]: one["value"] for one in override["properties"]}
    return defaults


def _cell(defaults: Json, value: float | None) -> str:
    if value is None:
        return "<td>–</td>"
    known = named_values(defaults).get(value)
    text = known["text"] if known else show(value, defaults["unit"])
    color = NAMED[known["color"]] if known else level(defaults, value)
    if math.isnan(value):
        color = NAMED["text"]
    return f'<td style="color:{color}">{escape(text)}</td>'


def log_lines(panel: Json, documents: Sequence[Json]) -> str:
    """Draw lines of log, the newest first."""
    if not documents:
        return f'<p class="empty">{escape(panel["fieldConfig"]["defaults"]["noValue"])}</p>'
    return "".join(f'<p class="line">{escape(log_line(one))}</p>' for one in documents[:40])


def log_line(document: Json) -> str:
    """One line of log: when, how grave, which part, what."""
    part = document["resource"]["attributes"].get("service.name", "")
    at = str(document["@timestamp"])
    if at.replace(".", "").isdigit():  # OpenTelemetry's shape writes milliseconds
        at = time.strftime("%H:%M:%S", time.gmtime(float(at) / 1000))
    return f"{at} {document.get('severity_text', '')} {part}: {document['body']['text']}"
