"""The one package that knows grafanalib: our dashboards in, JSON for Grafana 10 to 13 out.

grafanalib 0.7.1 writes the shape of schema version 12. Its objects are used for what they still
get right; the rest is laid over them here: real nulls in base thresholds, refIds, exemplars, data
links, today's heatmap and stat options, and none of the keys Grafana dropped since.
"""

from __future__ import annotations

import json
from typing import Any

from grafanalib import core

from dashboards.grafana import around
from dashboards.grafana.boxes import Boxes
from dashboards.layout import place
from dashboards.panels import Dashboard

SCHEMA_VERSION = 42
"""The last version of the classic dashboard model; Grafana 10 and later read it."""

BUILT_IN = {
    "builtIn": 1,
    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
    "enable": True,
    "hide": True,
    "iconColor": "rgba(0, 211, 255, 1)",
    "name": "Annotations & Alerts",
    "type": "dashboard",
}

LEGACY_DASHBOARD = ("__inputs", "gnetId", "hideControls", "id", "rows", "sharedCrosshair", "style")
LEGACY_PANEL = ("editable", "error", "height", "hideTimeOverride", "minSpan", "span")
LEGACY_VARIABLE = ("auto", "auto_count", "auto_min", "tagValuesQuery", "tagsQuery", "useTags")

Json = dict[str, Any]


def document(dashboard: Dashboard, *, refresh: str, time_range: str, suffix: str = "") -> Json:
    """Turn a dashboard into Grafana's JSON model.

    `suffix` ends the uid of this dashboard and of those that it leads to: sets of dashboards in
    several languages stand beside each other, each linked within itself.
    """
    boxes = Boxes(suffix)
    built = core.Dashboard(
        uid=dashboard.board.uid + suffix,
        title=dashboard.name,
        description=dashboard.about,
        tags=[f"busysignal{suffix}"],
        timezone="browser",
        refresh=refresh,
        time=core.Time(f"now-{time_range}", "now"),
        graphTooltip=1,
        schemaVersion=SCHEMA_VERSION,
        templating=core.Templating(
            [*around.datasources(dashboard), *map(around.variable, dashboard.variables)]
        ),
        annotations=core.Annotations([BUILT_IN, *map(around.annotation, dashboard.marks)]),
        links=[around.board_links(f"busysignal{suffix}")],
        panels=[
            boxes.placed(number, item, where)
            for number, (item, where) in enumerate(place(dashboard.rows), start=1)
        ],
    )
    whole: Json = json.loads(json.dumps(built, default=lambda part: part.to_json_data()))
    return _modern(whole)


def text(document: Json) -> str:
    """Write the JSON so that the same dashboard always gives the same bytes."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _modern(whole: Json) -> Json:
    whole["timepicker"] = {}
    whole["editable"] = False
    for key in LEGACY_DASHBOARD:
        whole.pop(key, None)
    for panel in whole["panels"]:
        for key in LEGACY_PANEL:
            panel.pop(key, None)
        if panel.get("fieldConfig", {}).get("defaults", {}).get("custom") == {}:
            del panel["fieldConfig"]["defaults"]["custom"]
    for variable in whole["templating"]["list"]:
        for key in LEGACY_VARIABLE:
            variable.pop(key, None)
        if variable["current"].get("value") is None:
            del variable["current"]  # Grafana takes the first one
    pruned: Json = _without_nulls(whole)
    return pruned


def _without_nulls(part: Any) -> Any:
    """Drop what is unset; a base threshold's null is a value and stays."""
    if isinstance(part, dict):
        if set(part) == {"color", "value"}:
            return part
        return {key: _without_nulls(value) for key, value in part.items() if value is not None}
    return [_without_nulls(value) for value in part] if isinstance(part, list) else part
