"""How Grafana gets at the dashboards: its own provisioning files, or ConfigMaps for its sidecar."""

from __future__ import annotations

import json
from typing import Any

import yaml

from alerts.config import RulesSection
from dashboards.config import DashboardsSection
from dashboards.log_fields import FIELDS

COMMAND = "busysignal dashboards"
MADE_BY = f"# Made by `{COMMAND}`; change the code, not this file.\n"
LABELS = {"grafana_dashboard": "1"}
"""What the sidecar of Grafana's Helm chart looks for."""

Json = dict[str, Any]


def files(
    section: DashboardsSection, rules: RulesSection, documents: dict[str, Json]
) -> dict[str, str]:
    """Text of every file, by its path below the output folder."""
    return {
        "provisioning/dashboards.yaml": _yaml(_provider(section)),
        "provisioning/datasources.yaml": _yaml(_datasources(section, rules)),
        **{
            f"kubernetes/{uid}.yaml": _config_map(section, uid, documents[uid]) for uid in documents
        },
    }


def _yaml(document: Json) -> str:
    return MADE_BY + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _config_map(section: DashboardsSection, uid: str, document: Json) -> str:
    head = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": uid,
            "labels": LABELS,
            "annotations": {"grafana_folder": section.folder},
        },
    }
    # Written by hand: in one line, the JSON is half as long and quick to write.
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"{_yaml(head)}data:\n  {uid}.json: |-\n    {text}\n"


def _provider(section: DashboardsSection) -> Json:
    provider = {
        "name": "busysignal",
        "folder": section.folder,
        "type": "file",
        "allowUiUpdates": False,
        "options": {"path": section.dashboards_path},
    }
    return {"apiVersion": 1, "providers": [provider]}


def _datasources(section: DashboardsSection, rules: RulesSection) -> Json:
    return {"apiVersion": 1, "datasources": [_prometheus(section, rules), _elasticsearch(section)]}


def _prometheus(section: DashboardsSection, rules: RulesSection) -> Json:
    # Grafana takes $__rate_interval from this interval: at least four scrapes.
    options: Json = {"httpMethod": "POST", "timeInterval": f"{rules.scrape_interval_seconds:g}s"}
    if section.trace_url:
        exemplar = {"name": "trace_id", "url": section.trace_url, "urlDisplayLabel": "trace"}
        options["exemplarTraceIdDestinations"] = [exemplar]
    return {
        "name": "BusySignal",
        "type": "prometheus",
        "uid": "busysignal-prometheus",
        "access": "proxy",
        "url": section.prometheus_url,
        "isDefault": True,
        "jsonData": options,
    }


def _elasticsearch(section: DashboardsSection) -> Json:
    fields = FIELDS[section.logs_shape]
    options: Json = {
        "index": section.logs_index,
        "timeField": "@timestamp",
        "logMessageField": fields.message,
        "logLevelField": fields.severity,
    }
    if section.trace_url:
        options["dataLinks"] = [{"field": fields.trace, "url": section.trace_url}]
    return {
        "name": "BusySignal logs",
        "type": "elasticsearch",
        "uid": "busysignal-logs",
        "access": "proxy",
        "url": section.elasticsearch_url,
        "jsonData": options,
    }
