"""How values are shown: unit, colours, names of values, links, as Grafana's field options."""

from __future__ import annotations

from typing import Any

from dashboards.panels import Column, Link, Panel, Stat, Step, Table, Value
from dashboards.units import grafana_unit

Json = dict[str, Any]
CALM = ("green", "text")
LINK: Json = {
    "asDropdown": False,
    "icon": "",
    "includeVars": False,
    "keepTime": False,
    "tags": [],
    "targetBlank": False,
    "tooltip": "",
    "type": "link",
}
"""What the schema wants of any link; variables and time stand in the address of ours."""


def defaults(panel: Panel, suffix: str) -> Json:
    """Field options that hold for a whole panel."""
    shown: Json = {
        "links": [] if isinstance(panel, Table) else links(panel, suffix),
        "mappings": [_value(value) for value in panel.values],
        "noValue": panel.empty,
        "thresholds": levels(panel.steps),
        "unit": grafana_unit(panel.shown_unit),
    }
    if isinstance(panel, Stat):
        shown["mappings"].append(nothing(panel.silent))
        if panel.steps[0].color not in CALM:
            shown["mappings"].append(absent(panel.empty))
        shown |= {"color": {"mode": "thresholds"}, "decimals": panel.decimals}
    return shown


def of_column(column: Column, silent: str) -> list[Json]:
    """Field options of one column of a table, as the properties of an override."""
    coloured = any(step.value is not None for step in column.steps) or bool(column.values)
    cell = {"type": "color-text"} if coloured else {"type": "auto"}
    properties = {
        "unit": grafana_unit(column.shown_unit),
        "decimals": column.decimals,
        "thresholds": levels(column.steps),
        "mappings": [*map(_value, column.values), nothing(silent), absent("–")],
        "custom.cellOptions": cell,
    }
    return [{"id": key, "value": value} for key, value in properties.items() if value is not None]


def links(panel: Panel, suffix: str) -> list[Json]:
    """Ways to other dashboards, with what they keep and what the point sets."""
    return [{**LINK, "title": link.title, "url": url(link, suffix)} for link in panel.links]


def url(link: Link, suffix: str) -> str:
    """Address of a linked dashboard, its variables and time range filled in by Grafana."""
    kept = [f"${{{name}:queryparam}}" for name in ("datasource", *link.keeps)]
    given = [f"var-{name}={value}" for name, value in link.sets.items()]
    return f"/d/{link.board.uid}{suffix}?{'&'.join([*kept, *given, '${__url_time_range}'])}"


def levels(steps: tuple[Step, ...]) -> Json:
    """Thresholds; the base one's null is a value."""
    return {
        "mode": "absolute",
        "steps": [{"color": step.color, "value": step.value} for step in steps],
    }


def nothing(text: str) -> Json:
    """What NaN says: a ratio without requests; a series that is not there stays "no data"."""
    return _special("nan", text)


def absent(text: str) -> Json:
    """What a value says that is not there, where the first threshold's colour would be an alarm."""
    return _special("null", text)


def _special(match: str, text: str) -> Json:
    result = {"color": "text", "index": 1, "text": text}
    return {"type": "special", "options": {"match": match, "result": result}}


def _value(value: Value) -> Json:
    result = {"color": value.color, "index": 0, "text": value.text}
    return {"type": "value", "options": {str(value.value): result}}
