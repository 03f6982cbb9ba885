"""Queries of a panel as Grafana's JSON, for Prometheus and for Elasticsearch."""

from __future__ import annotations

import string
from typing import Any

from dashboards.grafana.around import DATASOURCE, LOGS
from dashboards.panels import Heatmap, LogQuery, Logs, Panel, Query, Stat, Table

LINES = 200
"""How many lines a panel of logs shows; Grafana asks for more as one scrolls."""

Json = dict[str, Any]


def source(panel: Panel) -> Json:
    """The data source that a panel's queries go to."""
    return LOGS if isinstance(panel.queries[0], LogQuery) else DATASOURCE


def targets(panel: Panel) -> list[Json]:
    """Every query with a letter of its own."""
    return [
        _prometheus(panel, query, ref)
        if isinstance(query, Query)
        else _elasticsearch(panel, query, ref)
        for ref, query in zip(string.ascii_uppercase, panel.queries, strict=False)
    ]


def _prometheus(panel: Panel, query: Query, ref: str) -> Json:
    instant = isinstance(panel, Stat | Table)
    shapes = {Heatmap: "heatmap", Table: "table"}
    return {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "exemplar": query.exemplar,
        "expr": query.expr,
        "format": shapes.get(type(panel), "time_series"),
        "instant": instant,
        "legendFormat": query.legend,
        "range": not instant,
        "refId": ref,
    }


def _elasticsearch(panel: Panel, query: LogQuery, ref: str) -> Json:
    target = {"datasource": LOGS, "query": query.lucene, "refId": ref, "timeField": "@timestamp"}
    if isinstance(panel, Logs):
        limit = {"limit": str(LINES)}
        return {
            **target,
            "bucketAggs": [],
            "metrics": [{"id": "1", "type": "logs", "settings": limit}],
        }
    over_time = [] if isinstance(panel, Table) else [_over_time()]
    groups = [_by(query.by, query.most), *over_time] if query.by else over_time
    return {**target, "bucketAggs": groups, "metrics": [{"id": "1", "type": "count"}]}


def _by(field: str, most: int) -> Json:
    order = {"min_doc_count": "1", "order": "desc", "orderBy": "_count", "size": str(most)}
    return {"id": "2", "type": "terms", "field": field, "settings": order}


def _over_time() -> Json:
    even = {"interval": "auto", "min_doc_count": "0", "trimEdges": "0"}
    return {"id": "3", "type": "date_histogram", "field": "@timestamp", "settings": even}
