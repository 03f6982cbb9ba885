"""Schemas of others that what we deploy is held against; what cannot be had skips its tests."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

ROOT = Path(__file__).parents[1]
KUBERNETES = "1.32"
CUSTOM = {
    "PodMonitor": "monitoring.coreos.com_podmonitors.yaml",
    "ServiceMonitor": "monitoring.coreos.com_servicemonitors.yaml",
    "PrometheusRule": "monitoring.coreos.com_prometheusrules.yaml",
    "ScaledObject": "keda.sh_scaledobjects.yaml",
}


@cache
def folder() -> Path:
    """Where deploy/fetch_schemas.sh has put them."""
    done = subprocess.run(
        [ROOT / "deploy" / "fetch_schemas.sh"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    return Path(done.stdout.strip())


def check_resource(resource: dict[str, Any]) -> None:
    """Raise unless the API server would take the resource and keep every field of it."""
    if resource["kind"] in CUSTOM:
        jsonschema.validate(resource, _custom(resource["kind"], resource["apiVersion"]))
    else:
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)


def check_compose(document: dict[str, Any]) -> None:
    """Raise unless it is a compose file."""
    schema = json.loads((folder() / "compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(document)


def _custom(kind: str, api_version: str) -> dict[str, Any]:
    text = (folder() / CUSTOM[kind]).read_text(encoding="utf-8")
    # Go takes a flag anywhere in a pattern, Python at its beginning alone.
    definition = yaml.safe_load(text.replace("^(?i)", "(?i)^"))
    group, _, version = api_version.partition("/")
    assert definition["spec"]["group"] == group
    served = {one["name"]: one for one in definition["spec"]["versions"]}
    schema: dict[str, Any] = _strict(served[version]["schema"]["openAPIV3Schema"])
    # the API server knows these itself
    schema["properties"]["metadata"] = {"type": "object", "required": ["name"]}
    return schema


def _strict(node: Any) -> Any:
    """OpenAPI v3 as JSON schema; an unknown field, which the server drops silently, is an error."""
    if isinstance(node, list):
        return [_strict(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {key: _strict(value) for key, value in node.items()}
    if made.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    keeps = made.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in made
    if made.get("type") == "object" and isinstance(made.get("properties"), dict) and not keeps:
        made["additionalProperties"] = False
    return made
