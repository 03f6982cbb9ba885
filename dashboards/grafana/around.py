"""Variables, annotations and links as Grafana's JSON."""

from __future__ import annotations

from typing import Any

from grafanalib import core

from dashboards.panels import Mark, Variable

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

Json = dict[str, Any]


def datasource() -> Any:
    """The choice of data source, which every query goes to."""
    return core.Template(
        name="datasource", label="Data source", type="datasource", query="prometheus", refresh=1
    )


def variable(choice: Variable) -> Any:
    """A choice filled by a query; one that takes several begins with all."""
    built = core.Template(
        name=choice.name,
        label=choice.label,
        dataSource=DATASOURCE,
        query=choice.query,
        refresh=core.REFRESH_ON_TIME_RANGE_CHANGE,
        includeAll=choice.several,
        multi=choice.several,
        allValue=".*" if choice.several else None,
        hide=core.HIDE_VARIABLE if choice.hidden else core.SHOW,
    )
    every = {"text": ["All"], "value": ["$__all"]} if choice.several else {}
    return {**built.to_json_data(), "current": every, "definition": choice.query}


def annotation(mark: Mark) -> Json:
    """Marks in time, drawn over every panel."""
    # Grafana 10 reads `expr` beside the name, later ones read `target`; each ignores the other.
    target = {"datasource": DATASOURCE, "expr": mark.expr, "range": True, "refId": "Anno"}
    return {
        "datasource": DATASOURCE,
        "enable": True,
        "expr": mark.expr,
        "iconColor": mark.color,
        "name": mark.name,
        "target": target,
        "textFormat": mark.text,
        "titleFormat": mark.title,
    }


def board_links() -> Json:
    """The way to the other dashboards, time range and variables kept."""
    return {
        "asDropdown": False,
        "icon": "external link",
        "includeVars": True,
        "keepTime": True,
        "tags": ["busysignal"],
        "targetBlank": False,
        "title": "BusySignal",
        "tooltip": "",
        "type": "dashboards",
        "url": "",
    }
