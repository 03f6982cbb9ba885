import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from demo.servers.elasticsearch import VERSION, find_home

ROOT = Path(__file__).parents[2]
TOOLS = "bash cat chmod cut dirname env flock grep head mkdir mktemp mv pwd rm sha256sum tail tr"


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A PATH with nothing on it but what every Debian has."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS.split():
        (folder / tool).symlink_to(shutil.which(tool))
    return folder


def stub(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


def call(script: str, *arguments: str, folder: Path = ROOT, **env: str):
    return subprocess.run(
        [shutil.which("bash"), str(folder / script), *arguments],
        env={"HOME": os.environ["HOME"], "PATH": os.environ["PATH"], **env},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def a_clone(tmp_path: Path) -> Path:
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "deploy", clone / "deploy")
    return clone


def test_a_bare_machine_is_given_every_package_that_it_lacks(tmp_path: Path, bare_path: Path):
    asked = tmp_path / "asked"
    stub(bare_path, "apt-get", f'echo "$@" >>{asked}; [[ $* != *install* ]]')
    stub(bare_path, "sudo", 'shift; exec "$@"')

    done = call(
        "deploy/setup.sh",
        folder=a_clone(tmp_path),
        PATH=str(bare_path),
        ES_HOME=str(tmp_path / "none"),
    )

    update, install = asked.read_text().splitlines()
    assert done.returncode != 0
    assert update.endswith(" update")
    assert install.split("--no-install-recommends ")[1].split() == [
        "prometheus",
        "prometheus-alertmanager",
        "prometheus-node-exporter",
        "gcc",
        "libc6-dev",
        "openssl",
        "openjdk-17-jre-headless",
        "maven",
        "python3",
        "python3-venv",
    ]


def test_a_machine_without_apt_is_told_what_to_install(tmp_path: Path, bare_path: Path):
    stub(bare_path, "python3", "exit 0")
    for name in (
        "promtool",
        "prometheus",
        "prometheus-alertmanager",
        "amtool",
        "gcc",
        "openssl",
        "java",
        "mvn",
    ):
        stub(bare_path, name, "exit 0")

    done = call("deploy/setup.sh", folder=a_clone(tmp_path), PATH=str(bare_path))

    assert done.returncode == 3
    assert done.stderr == (
        "setup: no apt-get here; install by hand and run again: prometheus-node-exporter\n"
    )


def test_elasticsearch_that_is_there_is_only_named(elasticsearch_home: Path):
    done = call("deploy/fetch_elasticsearch.sh")

    assert (done.returncode, done.stdout, done.stderr) == (0, f"{find_home()}\n", "")


def test_script_and_program_agree_on_the_version_of_elasticsearch():
    script = (ROOT / "deploy" / "fetch_elasticsearch.sh").read_text()

    assert re.findall(r"^VERSION=(.*)$", script, re.MULTILINE) == [VERSION]


def test_a_wrong_es_home_is_told(tmp_path: Path):
    done = call("deploy/fetch_elasticsearch.sh", ES_HOME=str(tmp_path))

    assert done.returncode == 3
    assert done.stderr == (
        f"elasticsearch: ES_HOME = {tmp_path} holds no bin/elasticsearch; "
        "correct it, or unset it to fetch one\n"
    )


def test_make_tells_every_target():
    told = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert [line.split()[0] for line in told.splitlines()] == phony[1].split()
