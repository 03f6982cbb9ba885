"""Variables, annotations and links as Grafana's JSON."""

from __future__ import annotations

from typing import Any

from grafanalib import core

from dashboards.panels import Dashboard, Mark, Variable

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
LOGS = {"type": "elasticsearch", "uid": "${logs}"}

Json = dict[str, Any]


def datasources(dashboard: Dashboard) -> list[Any]:
    """The choice of the data sources that queries go to."""
    metrics, logs = dashboard.sources
    choices = [_source("datasource", metrics, "prometheus")]
    if dashboard.has_logs:
        choices.append(_source("logs", logs, "elasticsearch"))
    return choices


def _source(name: str, label: str, kind: str) -> Any:
    return core.Template(name=name, label=label, type="datasource", query=kind, refresh=1)


def variable(choice: Variable) -> Any:
    """A choice filled by a query; one that takes several begins with all."""
    built = core.Template(
        name=choice.name,
        label=choice.label,
        dataSource=LOGS if choice.of_logs else DATASOURCE,
        query=choice.query,
        refresh=core.REFRESH_ON_TIME_RANGE_CHANGE,
        includeAll=choice.several,
        multi=choice.several,
        allValue=_every(choice) if choice.several else None,
        hide=core.HIDE_VARIABLE if choice.hidden else core.SHOW,
    )
    every = {"text": ["All"], "value": ["$__all"]} if choice.several else {}
    return {**built.to_json_data(), "current": every, "definition": choice.query}


def _every(choice: Variable) -> str:
    return "*" if choice.of_logs else ".*"


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


def board_links(tag: str) -> Json:
    """The way to the other dashboards, time range and variables kept."""
    return {
        "asDropdown": True,
        "icon": "external link",
        "includeVars": True,
        "keepTime": True,
        "tags": [tag],
        "targetBlank": False,
        "title": "BusySignal",
        "tooltip": "",
        "type": "dashboards",
        "url": "",
    }
