from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from alerts import render
from alerts.config import RulesSection
from tests import schemas

ROOT = Path(__file__).parents[2]
RESOURCES = render.resource_texts(RulesSection())


@pytest.mark.parametrize("name", RESOURCES)
def test_the_resources_are_what_the_operator_takes(name):
    schemas.check_resource(yaml.load(RESOURCES[name], Loader=yaml.CSafeLoader))


@pytest.mark.parametrize(
    ("name", "file"),
    [("busysignal-recording", "recording.yml"), ("busysignal-alerts", "alerts.yml")],
)
def test_the_resources_hold_the_same_groups_as_the_files(name, file):
    resource = yaml.load(RESOURCES[f"{name}.yaml"], Loader=yaml.CSafeLoader)
    groups = yaml.load(render.texts(RulesSection())[file], Loader=yaml.CSafeLoader)["groups"]

    assert resource["spec"]["groups"] == groups
    assert resource["metadata"]["name"] == name


def test_the_committed_resources_are_fresh():
    assert render.resources(RulesSection(), ROOT / "alerts/generated/prometheusrule").stale() == []


def test_what_is_missing_names_the_whole_command_that_makes_it(tmp_path):
    lines = render.resources(RulesSection(), tmp_path).stale()

    assert lines[0] == (
        f"{tmp_path}/busysignal-recording.yaml is missing; "
        "make it with `busysignal rules --format prometheusrule`"
    )
