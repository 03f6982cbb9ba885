"""Panels and row headings as Grafana's JSON."""

from __future__ import annotations

import string
from typing import Any

from grafanalib import core

from dashboards.grafana.around import DATASOURCE
from dashboards.layout import Place
from dashboards.panels import (
    Heatmap,
    Link,
    Panel,
    Query,
    Row,
    Stat,
    StateTimeline,
    TimeSeries,
    Value,
)
from dashboards.units import GRAFANA_UNITS

NO_TRAFFIC = "no traffic"
ROW = ("collapsed", "gridPos", "id", "panels", "title", "type")

Json = dict[str, Any]


def placed(number: int, item: Row | Panel, where: Place) -> Any:
    """A panel or a row heading with its id and its place on the grid."""
    grid = core.GridPos(h=where.h, w=where.w, x=where.x, y=where.y)
    if isinstance(item, Row):
        row = core.RowPanel(id=number, title=item.title, gridPos=grid).to_json_data()
        return {key: value for key, value in row.items() if key in ROW}
    common = {
        "id": number,
        "title": item.title,
        "description": item.description,
        "dataSource": DATASOURCE,
        "targets": _targets(item),
        "gridPos": grid,
        "maxDataPoints": None,
        "repeat": _repeat(item),
    }
    match item:
        case TimeSeries():
            return _time_series(item, common)
        case Stat():
            return _stat(item, common)
        case Heatmap():
            return _heatmap(item, common)
        case StateTimeline():
            return _state_timeline(item, common)
    raise TypeError(f"no Grafana panel for {type(item).__name__}")


def _repeat(panel: Panel) -> Any:
    if panel.repeat is None:
        return core.Repeat()
    return core.Repeat(direction="h", variable=panel.repeat, maxPerRow=4)


def _targets(panel: Panel) -> list[Json]:
    return [
        _target(panel, query, ref)
        for ref, query in zip(string.ascii_uppercase, panel.queries, strict=False)
    ]


def _target(panel: Panel, query: Query, ref: str) -> Json:
    instant = isinstance(panel, Stat)
    return {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "exemplar": query.exemplar,
        "expr": query.expr,
        "format": "heatmap" if isinstance(panel, Heatmap) else "time_series",
        "instant": instant,
        "legendFormat": query.legend,
        "range": not instant,
        "refId": ref,
    }


def _defaults(panel: Panel) -> Json:
    steps: list[Json] = [{"color": step.color, "value": step.value} for step in panel.steps]
    return {
        "links": [_data_link(link) for link in panel.links],
        "mappings": [_value(value) for value in panel.values],
        "noValue": panel.empty,
        "thresholds": {"mode": "absolute", "steps": steps},
        "unit": GRAFANA_UNITS[panel.shown_unit],
    }


def _value(value: Value) -> Json:
    result = {"color": value.color, "index": 0, "text": value.text}
    return {"type": "value", "options": {str(value.value): result}}


def _data_link(link: Link) -> Json:
    return {"title": link.title, "url": link.url, "targetBlank": False}


def _legend() -> Json:
    return {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True}


def _time_series(panel: TimeSeries, common: Json) -> Any:
    stacked, bars = panel.style == "stacked", panel.style == "bars"
    has_levels = any(step.value is not None for step in panel.steps)
    custom = {
        "axisBorderShow": False,
        "axisCenteredZero": False,
        "insertNulls": False,
        "scaleDistribution": {"type": "linear", "log": None},
        "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
    }
    defaults = {**_defaults(panel), "min": panel.minimum, "max": panel.maximum, "custom": custom}
    return core.TimeSeries(
        **common,
        drawStyle="bars" if bars else "line",
        fillOpacity=80 if bars else 40 if stacked else 0,
        showPoints="never",
        thresholdsStyleMode="dashed" if has_levels else "off",
        tooltipMode="multi",
        tooltipSort="desc",
        overrides=[_colored(name, color) for name, color in panel.colors.items()],
        extraJson={"fieldConfig": {"defaults": defaults}, "options": {"legend": _legend()}},
    )


def _colored(name: str, color: str) -> Json:
    fixed = {"id": "color", "value": {"fixedColor": color, "mode": "fixed"}}
    return {"matcher": {"id": "byName", "options": name}, "properties": [fixed]}


def _stat(panel: Stat, common: Json) -> Any:
    # A ratio without requests is NaN; a series that is not there stays "no data".
    nan = {"match": "null+nan", "result": {"color": "text", "index": 1, "text": NO_TRAFFIC}}
    defaults = _defaults(panel)
    defaults["mappings"].append({"type": "special", "options": nan})
    defaults |= {"color": {"mode": "thresholds"}, "decimals": panel.decimals}
    options = {
        "percentChangeColorMode": "standard",
        "showPercentChange": False,
        "wideLayout": True,
    }
    return core.Stat(
        **common,
        reduceCalc="lastNotNull",
        graphMode="none",
        colorMode="value",
        textMode=panel.show,
        extraJson={"fieldConfig": {"defaults": defaults}, "options": options},
    )


def _heatmap(panel: Heatmap, common: Json) -> Any:
    hidden = {"legend": False, "tooltip": False, "viz": False}
    custom = {"hideFrom": hidden, "scaleDistribution": {"type": "linear"}}
    options = {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": GRAFANA_UNITS["requests/second"]},
        "color": {
            "exponent": 0.5,
            "fill": "dark-orange",
            "mode": "scheme",
            "reverse": False,
            "scale": "exponential",
            "scheme": "Oranges",
            "steps": 64,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "showColorScale": True, "yHistogram": True},
        "yAxis": {
            "axisPlacement": "left",
            "reverse": False,
            "unit": GRAFANA_UNITS[panel.shown_unit],
        },
    }
    field = {"defaults": {**_defaults(panel), "custom": custom}, "overrides": []}
    heatmap = {"type": "heatmap", "fieldConfig": field, "options": options}
    return core.Panel(**common).panel_json(heatmap)


def _state_timeline(panel: StateTimeline, common: Json) -> Any:
    return core.StateTimeline(
        **common,
        showValue="never",
        extraJson={
            "fieldConfig": {"defaults": _defaults(panel)},
            "options": {"legend": _legend(), "tooltip": {"mode": "single", "sort": "none"}},
        },
    )
