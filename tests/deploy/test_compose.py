"""The compose file: that it is one, and that what it names is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import busysignal
from alerts.prometheus_config import JOBS
from busysignal import Config
from exporters.settings import load
from tests import schemas

FOLDER = Path(__file__).parents[2] / "deploy" / "compose"
DOCUMENT = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
OURS = {name: one for name, one in SERVICES.items() if "build" in one}


def told_in(path: Path) -> Any:
    """A file of targets, or the example that stands in it as a comment."""
    text = path.read_text(encoding="utf-8")
    if "# - targets" in text:
        text = "".join(f"{line}\n" for line in re.findall(r"^# ([- ] .*)$", text, re.MULTILINE))
    return yaml.safe_load(text)


def test_it_is_a_compose_file():
    schemas.check_compose(DOCUMENT)


def test_a_misspelt_key_is_an_error():
    with pytest.raises(Exception, match="netwrk_mode"):
        schemas.check_compose({"services": {"one": {"image": "x", "netwrk_mode": "host"}}})


def test_it_has_every_part_of_the_stack():
    assert set(SERVICES) == {
        "prometheus", "alertmanager", "elasticsearch", "grafana", "node-exporter",
        "watch", "forecast", "bridge", "gpu", "probe",
    }  # fmt: skip


def test_without_a_gpu_nothing_asks_for_one():
    asking = {name for name, service in SERVICES.items() if "deploy" in service}

    assert asking == {name for name, one in SERVICES.items() if one.get("profiles") == ["gpu"]}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_it_mounts_from_here_is_here(name: str):
    for volume in SERVICES[name].get("volumes", []):
        source = volume.partition(":")[0]
        if source.startswith("."):
            assert (FOLDER / source).exists(), source
        else:
            assert source.startswith("/") or source in DOCUMENT["volumes"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_it_starts_a_command_that_there_is(name: str):
    words = [*([] if name != "gpu" else ["gpu"]), *OURS[name]["command"]]
    told = CliRunner().invoke(busysignal.app, [words[0], "--help"])

    assert told.exit_code == 0
    assert all(word in told.output for word in words if word.startswith("--"))
    assert (FOLDER.parents[1] / OURS[name]["build"]["dockerfile"]).exists()


@pytest.mark.parametrize("name", sorted(OURS))
def test_prometheus_looks_where_it_listens(name: str):
    section = getattr(load(Config, FOLDER / "busysignal.toml", {}), name)

    assert told_in(FOLDER / "targets" / f"{name}.yml") == [
        {"targets": [f"127.0.0.1:{section.port}"]}
    ]


def test_there_is_a_file_of_targets_for_every_job_that_prometheus_reads_one_for():
    there = {path.stem for path in (FOLDER / "targets").glob("*.yml")}

    assert there == set(JOBS) - {"prometheus", "alertmanager"}


@pytest.mark.parametrize("path", sorted((FOLDER / "targets").glob("*.yml")), ids=lambda p: p.stem)
def test_the_example_in_a_file_of_targets_is_one_once_its_comment_is_taken_away(path: Path):
    (group,) = told_in(path)
    assert group["targets"]
