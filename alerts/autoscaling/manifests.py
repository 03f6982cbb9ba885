"""Autoscaling manifests from one table of readings: HPA, KEDA and prometheus-adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from alerts import yamltext
from alerts.autoscaling.config import AutoscalingSection
from alerts.autoscaling.readings import Reading, readings
from alerts.promql import number
from exporters.generated import Generated

COMMAND: Final = "busysignal autoscaling"
Document = dict[str, Any]


def texts(section: AutoscalingSection) -> dict[str, str]:
    """Every manifest's text by its file name."""
    made = {
        "hpa.yaml": hpa(section),
        "keda-scaledobject.yaml": keda(section),
        "prometheus-adapter-rules.yaml": adapter(section),
    }
    return {name: yamltext.write(document, made_by=COMMAND) for name, document in made.items()}


def generated(section: AutoscalingSection, out: Path) -> Generated:
    """The manifests, for the folder `out`."""
    return Generated(out, texts(section), COMMAND)


def hpa(section: AutoscalingSection) -> Document:
    """`autoscaling/v2`; the external metrics come from prometheus-adapter."""
    metrics: list[Document] = []
    if section.cpu_percent is not None:
        target = {"type": "Utilization", "averageUtilization": section.cpu_percent}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    metrics += [_external(reading) for reading in readings(section)]
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": section.deployment, "namespace": section.namespace},
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": section.deployment,
            },
            "minReplicas": section.replicas_min,
            "maxReplicas": section.replicas_max,
            "metrics": metrics,
            "behavior": behaviour(section),
        },
    }


def keda(section: AutoscalingSection) -> Document:
    """A ScaledObject with the same readings; KEDA makes and owns its HPA, so apply one of both."""
    triggers: list[Document] = []
    if section.cpu_percent is not None:
        triggers.append(
            {
                "type": "cpu",
                "metricType": "Utilization",
                "metadata": {"value": str(section.cpu_percent)},
            }
        )
    triggers += [_trigger(section, reading) for reading in readings(section)]
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": section.deployment, "namespace": section.namespace},
        "spec": {
            "scaleTargetRef": {"name": section.deployment},
            "minReplicaCount": section.replicas_min,
            "maxReplicaCount": section.replicas_max,
            "pollingInterval": 15,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behaviour(section)}},
            "triggers": triggers,
        },
    }


def adapter(section: AutoscalingSection) -> Document:
    """Values for prometheus-adapter's chart: each reading as an external metric."""
    return {
        "rules": {
            "external": [
                {
                    "seriesQuery": _series(reading),
                    "resources": {"namespaced": False},
                    "name": {"as": reading.metric},
                    "metricsQuery": reading.query,
                }
                for reading in readings(section)
            ]
        }
    }


def behaviour(section: AutoscalingSection) -> Document:
    """Fast up, slow down."""
    pace = section.pace
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": pace.up_wait_seconds,
            "selectPolicy": "Max",
            "policies": [
                _policy("Percent", pace.up_percent, pace.up_period_seconds),
                _policy("Pods", pace.up_replicas, pace.up_period_seconds),
            ],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": pace.down_wait_seconds,
            "selectPolicy": "Max",
            "policies": [_policy("Pods", pace.down_replicas, pace.down_period_seconds)],
        },
    }


def _policy(kind: str, value: int, seconds: int) -> Document:
    return {"type": kind, "value": value, "periodSeconds": seconds}


def _external(reading: Reading) -> Document:
    kind = "AverageValue" if reading.shared else "Value"
    field = "averageValue" if reading.shared else "value"
    return {
        "type": "External",
        "external": {
            "metric": {"name": reading.metric},
            "target": {"type": kind, field: number(reading.target)},
        },
    }


def _trigger(section: AutoscalingSection, reading: Reading) -> Document:
    return {
        "type": "prometheus",
        "metricType": "AverageValue" if reading.shared else "Value",
        "metadata": {
            "serverAddress": section.prometheus_url,
            "query": reading.query,
            "threshold": number(reading.target),
            # A forecast or a GPU exporter that is away must not read as no load.
            "ignoreNullValues": "false",
        },
    }


def _series(reading: Reading) -> str:
    """The selector inside a reading's query, by which the adapter finds that it exists."""
    return reading.query[reading.query.index("(") + 1 : -1]
