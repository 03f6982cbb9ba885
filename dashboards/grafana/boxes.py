"""Panels and row headings as Grafana's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grafanalib import core

from dashboards.grafana import fields, tables
from dashboards.grafana.targets import source, targets
from dashboards.layout import Place
from dashboards.panels import (
    Heatmap,
    Logs,
    Panel,
    Row,
    Stat,
    StateTimeline,
    Table,
    TimeSeries,
)
from dashboards.units import grafana_unit

ROW = ("collapsed", "gridPos", "id", "panels", "title", "type")

Json = dict[str, Any]


@dataclass(frozen=True)
class Boxes:
    """Panels of one set of dashboards, whose uids end in `suffix`."""

    suffix: str

    def placed(self, number: int, item: Row | Panel, where: Place) -> Any:
        """A panel or a row heading with its id and its place on the grid."""
        grid = core.GridPos(h=where.h, w=where.w, x=where.x, y=where.y)
        if isinstance(item, Row):
            row = core.RowPanel(id=number, title=item.title, gridPos=grid).to_json_data()
            return {key: value for key, value in row.items() if key in ROW}
        common = {
            "id": number,
            "title": item.title,
            "description": item.description,
            "dataSource": source(item),
            "targets": targets(item),
            "gridPos": grid,
            "maxDataPoints": None,
            "repeat": _repeat(item),
        }
        return self._panel(item, common)

    def _panel(self, item: Panel, common: Json) -> Any:
        defaults = fields.defaults(item, self.suffix)
        match item:
            case TimeSeries():
                return _time_series(item, common, defaults)
            case Stat():
                return _stat(item, common, defaults)
            case Heatmap():
                return _heatmap(item, common, defaults)
            case StateTimeline():
                return _state_timeline(common, defaults)
            case Table():
                return core.Panel(**common).panel_json(tables.table(item, defaults, self.suffix))
            case Logs():
                return core.Panel(**common).panel_json(_logs(defaults))
        raise TypeError(f"no Grafana panel for {type(item).__name__}")


def _repeat(panel: Panel) -> Any:
    if panel.repeat is None:
        return core.Repeat()
    return core.Repeat(direction="h", variable=panel.repeat, maxPerRow=4)


def _legend() -> Json:
    return {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True}


AXIS_AT_LEAST = {"percentunit": 0.01, "short": 1}
"""What the axis of an unbounded panel reaches at least; Grafana's own ends at 100 where all is 0,
which is 10000 %."""
STACKING = {"stacked": "normal", "stacked bars": "normal", "shares": "percent"}


def _time_series(panel: TimeSeries, common: Json, defaults: Json) -> Any:
    filled, bars = panel.style in STACKING, panel.style.endswith("bars")
    has_levels = any(step.value is not None for step in panel.steps)
    custom = {
        "axisBorderShow": False,
        "axisCenteredZero": False,
        "insertNulls": False,
        "scaleDistribution": {"type": "linear"},
        "stacking": {"group": "A", "mode": STACKING.get(panel.style, "none")},
    }
    if panel.minimum == 0 and panel.maximum is None and defaults["unit"] in AXIS_AT_LEAST:
        custom["axisSoftMax"] = AXIS_AT_LEAST[defaults["unit"]]
    bounds = {"min": panel.minimum, "max": panel.maximum, "custom": custom}
    return core.TimeSeries(
        **common,
        drawStyle="bars" if bars else "line",
        fillOpacity=80 if bars else 40 if filled else 0,
        showPoints="never",
        thresholdsStyleMode="dashed" if has_levels else "off",
        tooltipMode="multi",
        tooltipSort="desc",
        overrides=[_colored(name, color) for name, color in panel.colors.items()],
        extraJson={
            "fieldConfig": {"defaults": defaults | bounds},
            "options": {"legend": _legend()},
        },
    )


def _colored(name: str, color: str) -> Json:
    fixed = {"id": "color", "value": {"fixedColor": color, "mode": "fixed"}}
    return {"matcher": {"id": "byName", "options": name}, "properties": [fixed]}


def _stat(panel: Stat, common: Json, defaults: Json) -> Any:
    options = {
        "percentChangeColorMode": "standard",
        "showPercentChange": False,
        "wideLayout": True,
    }
    return core.Stat(
        **common,
        reduceCalc="last",  # of an instant query; the last that is not null passes over NaN, too
        graphMode="none",
        colorMode="value",
        textMode=panel.show,
        extraJson={"fieldConfig": {"defaults": defaults}, "options": options},
    )


def _heatmap(panel: Heatmap, common: Json, defaults: Json) -> Any:
    hidden = {"legend": False, "tooltip": False, "viz": False}
    custom = {"hideFrom": hidden, "scaleDistribution": {"type": "linear"}}
    options = {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": grafana_unit("requests/second")},
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
            "unit": grafana_unit(panel.shown_unit),
        },
    }
    field = {"defaults": {**defaults, "custom": custom}, "overrides": []}
    heatmap = {"type": "heatmap", "fieldConfig": field, "options": options}
    return core.Panel(**common).panel_json(heatmap)


def _state_timeline(common: Json, defaults: Json) -> Any:
    return core.StateTimeline(
        **common,
        showValue="never",
        extraJson={
            "fieldConfig": {"defaults": defaults},
            "options": {"legend": _legend(), "tooltip": {"mode": "single", "sort": "none"}},
        },
    )


def _logs(defaults: Json) -> Json:
    options = {
        "dedupStrategy": "none",
        "enableLogDetails": True,
        "prettifyLogMessage": False,
        "showCommonLabels": False,
        "showLabels": False,
        "showLogContextToggle": False,
        "showTime": True,
        "sortOrder": "Descending",
        "wrapLogMessage": True,
    }
    field = {"defaults": defaults, "overrides": []}
    return {"type": "logs", "fieldConfig": field, "options": options}
