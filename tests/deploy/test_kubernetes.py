"""The Kubernetes resources: that an API server would take them, and that they fit together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

import busysignal
from alerts.prometheus_config import JOBS
from busysignal import Config
from exporters.settings import load
from tests import schemas

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
LISTED = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
FILES = [name for name in LISTED["resources"] if name.endswith(".yaml")]
RESOURCES = [
    resource
    for name in FILES
    for resource in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))
]
PODS = [resource for resource in RESOURCES if "template" in resource.get("spec", {})]


def name_of(resource: dict[str, Any]) -> str:
    return f"{resource['kind']}-{resource['metadata']['name']}"


def pod(resource: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = resource["spec"]["template"]["spec"]
    return spec


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [resource for resource in RESOURCES if resource["kind"] == kind]


@pytest.mark.parametrize("resource", RESOURCES, ids=name_of)
def test_an_api_server_would_take_it_and_keep_every_field(resource: dict[str, Any]):
    schemas.check_resource(resource)


@pytest.mark.parametrize(
    "path",
    [
        *sorted((ROOT / "alerts/generated/prometheusrule").glob("*.yaml")),
        *sorted((ROOT / "dashboards/generated/kubernetes").glob("*.yaml")),
    ],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_an_api_server_would_take_what_is_rendered_for_it(path: Path):
    schemas.check_resource(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_a_field_that_there_is_not_is_an_error():
    monitor = of_kind("PodMonitor")[0]
    wrong = {**monitor, "spec": {**monitor["spec"], "podMetricsEndpoint": []}}

    with pytest.raises(jsonschema.ValidationError, match="podMetricsEndpoint"):
        schemas.check_resource(wrong)


def test_every_file_is_in_the_kustomization():
    there = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}

    assert set(FILES) == there


def test_the_config_is_one_that_the_command_takes():
    config = load(Config, FOLDER / "busysignal.toml", {})

    assert config.watch.bearer_token_file is not None, "whoever may reach the pod may not alert"


@pytest.mark.parametrize("resource", PODS, ids=name_of)
def test_it_starts_a_command_that_there_is(resource: dict[str, Any]):
    for container in pod(resource)["containers"]:
        words = (
            container["args"]
            if container["image"] != "busysignal-gpu"
            else ["gpu", *container["args"]]
        )
        told = CliRunner().invoke(busysignal.app, [words[0], "--help"])

        assert told.exit_code == 0
        assert all(word in told.output for word in words if word.startswith("--"))
        assert words[-2:] == ["--config", "/etc/busysignal/busysignal.toml"]


@pytest.mark.parametrize("resource", PODS, ids=name_of)
def test_its_port_is_the_one_that_the_config_says(resource: dict[str, Any]):
    section = getattr(load(Config, FOLDER / "busysignal.toml", {}), resource["metadata"]["name"])
    ports = {
        port["name"]: port["containerPort"] for port in pod(resource)["containers"][0]["ports"]
    }

    assert ports == {"metrics": section.port}
    assert section.host == "0.0.0.0"


@pytest.mark.parametrize("resource", PODS, ids=name_of)
def test_it_has_no_more_rights_than_it_needs(resource: dict[str, Any]):
    spec = pod(resource)

    assert spec["automountServiceAccountToken"] is False
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("resource", PODS, ids=name_of)
def test_what_it_mounts_is_there(resource: dict[str, Any]):
    spec = pod(resource)
    mounted = {
        mount["name"]
        for container in [*spec["containers"], *spec.get("initContainers", [])]
        for mount in container["volumeMounts"]
    }

    assert mounted == {volume["name"] for volume in spec["volumes"]}


def test_the_monitor_finds_every_pod_under_a_job_that_rules_know():
    monitor = of_kind("PodMonitor")[0]["spec"]
    wanted = monitor["selector"]["matchLabels"]

    for resource in PODS:
        labels = resource["spec"]["template"]["metadata"]["labels"]
        assert wanted.items() <= labels.items()
        assert labels[monitor["jobLabel"]] in JOBS


def test_a_service_can_be_scraped_under_every_job_that_is_not_ours():
    expression = of_kind("ServiceMonitor")[0]["spec"]["selector"]["matchExpressions"][0]

    assert set(expression["values"]) == {"gateway", "replica", "client", "node", "kafka"}
    assert set(expression["values"]) <= set(JOBS)


def test_alertmanager_reaches_watch_and_bridge_under_the_names_of_their_services():
    rules = load(Config, FOLDER / "busysignal.toml", {}).rules
    addresses = {
        f"http://{service['metadata']['name']}.{LISTED['namespace']}:{port['port']}"
        for service in of_kind("Service")
        for port in service["spec"]["ports"]
    }

    assert addresses == {rules.receivers.watch_url.removesuffix("/alerts"), rules.notify.bridge_url}
