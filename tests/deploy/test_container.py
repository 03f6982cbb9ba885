"""The container file, as far as it can be held without building it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import httpx
from packaging.requirements import Requirement

from tests.devices import Machine, machine, nvml_library

__all__ = ["machine", "nvml_library"]

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "container" / "gpu.Dockerfile"
LISTED = ROOT / "deploy" / "container" / "gpu.txt"

REFUSING = """
import sys
refused = set(sys.argv.pop(1).split(","))
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if path is None and name in refused:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuse())
import os, exporters.gpu.launch as launch
def become(path, argv):  # the serving process, with the same refusal
    sys.argv[1:] = argv[4:]
    from exporters.gpu.__main__ import main
    sys.exit(main(argv[5]))
launch.os.execv = become
import busysignal
sys.argv[:] = ["busysignal", "gpu"]
busysignal.main()
"""


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", " ", FILE.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def of(word: str) -> list[str]:
    return [rest for one, rest in instructions() if one == word]


def test_it_runs_as_nobody_from_a_base_of_a_stated_version():
    assert of("USER") == ["65532:65532"]
    assert all(re.match(r"python:3\.\d+-slim-\w+( AS build)?$", base) for base in of("FROM"))
    assert instructions()[-1] == (
        "ENTRYPOINT",
        json.dumps(["/opt/busysignal/bin/busysignal", "gpu"]),
    )


def test_it_asks_the_nvidia_runtime_for_nvml_alone():
    environment = dict(pair.split("=") for pair in of("ENV")[0].split())

    assert environment["NVIDIA_DRIVER_CAPABILITIES"] == "utility"
    assert environment["NVIDIA_VISIBLE_DEVICES"] == "all"


def test_what_it_copies_is_there_and_reaches_the_build():
    copied = {
        path for rest in of("COPY") if not rest.startswith("--from") for path in rest.split()[:-1]
    }
    ignore = FILE.with_name(FILE.name + ".dockerignore").read_text(encoding="utf-8")
    let_in = {line[1:] for line in ignore.splitlines() if line.startswith("!")}

    assert copied == let_in
    assert all((ROOT / path).exists() for path in copied)


def test_the_health_check_is_a_command_that_runs():
    check = json.loads(of("HEALTHCHECK")[0].partition("CMD ")[2])

    compile(check[2], "healthcheck", "exec")


def test_uv_is_that_of_the_set_up():
    setup = (ROOT / "deploy" / "setup.sh").read_text(encoding="utf-8")

    assert re.search(r"^UV=(\S+)$", setup, re.MULTILINE)[1] in of("RUN")[0]


def test_what_it_installs_is_all_that_the_exporter_imports(machine: Machine):
    distributions = closure(listed())
    refused = [
        package
        for package, owners in packages_distributions().items()
        if not {canonical(owner) for owner in owners} & {*distributions, "busysignal"}
    ]
    variables = {
        **os.environ,
        "BUSYSIGNAL__GPU__NVML_LIBRARY": str(machine.library),
        "BUSYSIGNAL__GPU__PORT": "0",
    }
    command = [sys.executable, "-c", REFUSING, ",".join(refused)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables, cwd=ROOT
    ) as process:
        url = process.stdout.readline().strip()
        try:
            page = httpx.get(f"{url}/metrics").text if url else ""
        finally:
            process.send_signal(signal.SIGTERM)
        said = process.stderr.read()

    assert {"numpy", "polars", "torch", "elasticsearch"} <= set(refused)
    assert 'gpu_up{gpu="0"} 1.0' in page, said


def listed() -> list[str]:
    lines = LISTED.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_each_is_a_dependency_that_the_project_declares():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["kubernetes"], *extras["otlp"]]

    assert set(listed()) <= {canonical(Requirement(one).name) for one in declared}


def closure(names: list[str]) -> set[str]:
    found: set[str] = set()
    left = list(map(canonical, names))
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        try:
            needed = [Requirement(one) for one in requires(name) or ()]
        except PackageNotFoundError:  # for another platform
            continue
        left += [
            canonical(one.name)
            for one in needed
            if one.marker is None or one.marker.evaluate({"extra": ""})
        ]
    return found


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
