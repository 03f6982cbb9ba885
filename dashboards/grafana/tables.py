"""Tables as Grafana's JSON: queries merged into rows, columns named, coloured and linked."""

from __future__ import annotations

import string
from typing import Any

from dashboards.grafana import fields
from dashboards.panels import LogQuery, Table

Json = dict[str, Any]
CELLS: Json = {
    "align": "auto",
    "cellOptions": {"type": "auto"},
    "filterable": True,
    "inspect": False,
    "minWidth": 100,  # of a column; ten of the usual 150 do not fit
}


def table(panel: Table, defaults: Json, suffix: str) -> Json:
    """What a table has beyond what all panels have."""
    headings = [*panel.keys.values(), *(column.title for column in panel.columns)]
    options: Json = {"cellHeight": "sm", "frameIndex": 0, "showHeader": True}
    if panel.columns:
        options["sortBy"] = [{"displayName": headings[0], "desc": False}]
    return {
        "type": "table",
        "fieldConfig": {
            "defaults": {**defaults, "custom": CELLS},
            "overrides": _overrides(panel, suffix),
        },
        "options": options,
        "transformations": _transformations(panel),
    }


def _overrides(panel: Table, suffix: str) -> list[Json]:
    columns = [_by_name(one.title, fields.of_column(one, panel.silent)) for one in panel.columns]
    first = next(iter(panel.keys.values()))
    ways = [{"id": "links", "value": fields.links(panel, suffix)}] if panel.links else []
    return [*columns, *([_by_name(first, ways)] if ways else [])]


def _by_name(name: str, properties: list[Json]) -> Json:
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


def _transformations(panel: Table) -> list[Json]:
    # A value is called "Value #A" beside others and "Value" alone; Elasticsearch says "Count".
    values = {
        (f"Value #{letter}" if len(panel.columns) > 1 else "Value"): column.title
        for letter, column in zip(string.ascii_uppercase, panel.columns, strict=False)
    }
    if isinstance(panel.queries[0], LogQuery):
        return [_organize({**panel.keys}, hidden=())]
    return [
        {"id": "merge", "options": {}},
        _organize({**panel.keys, **values}, hidden=("Time", "__name__")),
    ]


def _organize(names: dict[str, str], hidden: tuple[str, ...]) -> Json:
    return {
        "id": "organize",
        "options": {
            "excludeByName": dict.fromkeys(hidden, True),
            "indexByName": {name: place for place, name in enumerate(names)},
            "renameByName": names,
        },
    }
