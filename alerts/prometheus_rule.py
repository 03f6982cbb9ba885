"""`PrometheusRule` resources: the same groups as the rule files, for Prometheus Operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts import yamltext

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

API_VERSION = "monitoring.coreos.com/v1"
LABELS = {
    "app.kubernetes.io/name": "busysignal",
    "app.kubernetes.io/part-of": "busysignal",
    "role": "alert-rules",
}
"""What a Prometheus resource may select rules by."""


def render(name: str, groups: Sequence[Mapping[str, Any]], *, made_by: str) -> str:
    """One resource of that name with the groups of one rule file."""
    document = {
        "apiVersion": API_VERSION,
        "kind": "PrometheusRule",
        "metadata": {"name": name, "labels": LABELS},
        "spec": {"groups": list(groups)},
    }
    return yamltext.write(document, made_by=made_by)
