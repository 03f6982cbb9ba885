"""What Grafana asks Elasticsearch for a panel of logs, so that it can be asked without Grafana."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]
Counts = tuple[str, list[tuple[float, float]]]
"""A value of the field that lines are counted by, and how many there are at each moment."""


def log_targets(document: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    """Title of each panel that asks Elasticsearch, with its target."""
    for panel in document["panels"]:
        for target in panel.get("targets", ()):
            if target["datasource"]["type"] == "elasticsearch":
                yield panel["title"], target


def search(
    target: Mapping[str, Any], start: float, end: float, values: Mapping[str, str], *, step: int
) -> Json:
    """Body of the `_search` that Grafana sends; times in Unix seconds. No value is All."""
    within = {"gte": int(start * 1000), "lte": int(end * 1000), "format": "epoch_millis"}
    lucene = re.sub(r"\$(\w+)", lambda name: values.get(name[1], "*"), target["query"])
    filters = [
        {"range": {target["timeField"]: within}},
        {"query_string": {"analyze_wildcard": True, "query": lucene}},
    ]
    body: Json = {"query": {"bool": {"filter": filters}}}
    if not target["bucketAggs"]:
        newest = [{target["timeField"]: {"order": "desc"}}]
        return {**body, "size": int(target["metrics"][0]["settings"]["limit"]), "sort": newest}
    return {**body, "size": 0, "aggs": _nested(target["bucketAggs"], step)}


def _nested(groups: list[Json], step: int) -> Json:
    first, *rest = groups
    inner = {"aggs": _nested(rest, step)} if rest else {}
    return {first["id"]: {**_group(first, step), **inner}}


def _group(group: Json, step: int) -> Json:
    settings = group["settings"]
    if group["type"] == "date_histogram":
        even = {"field": group["field"], "fixed_interval": f"{step}s", "min_doc_count": 0}
        return {"date_histogram": even}
    order = {settings["orderBy"]: settings["order"]}
    most = {"field": group["field"], "size": int(settings["size"]), "order": order}
    return {"terms": most}


def counts(target: Mapping[str, Any], reply: Mapping[str, Any]) -> list[Counts]:
    """How many lines, by the values of the target's field and by moment in Unix seconds.

    Where a target has no field there is one nameless value, where it has no moments one at 0.
    """
    aggregations = reply["aggregations"]
    if "2" not in aggregations:
        return [("", _points(aggregations))]
    return [(str(one["key"]), _points(one)) for one in aggregations["2"]["buckets"]]


def _points(bucket: Mapping[str, Any]) -> list[tuple[float, float]]:
    if "3" not in bucket:
        return [(0.0, float(bucket["doc_count"]))]
    return [(one["key"] / 1000, float(one["doc_count"])) for one in bucket["3"]["buckets"]]


def lines(reply: Mapping[str, Any]) -> list[Json]:
    """The documents of a panel that shows lines."""
    return [hit["_source"] for hit in reply["hits"]["hits"]]
