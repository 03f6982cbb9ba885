"""Real servers for the tests: found or skipped with the reason, started once a session.

With CI set, a missing server fails the test that needs it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from demo.servers import (
    Alertmanager,
    Elasticsearch,
    Prometheus,
    RunFolder,
    start_alertmanager,
    start_elasticsearch,
    start_prometheus,
)
from demo.servers.elasticsearch import NEXT_VERSION, VERSION, find_home, java_for
from demo.servers.lookup import ALERTMANAGER, AMTOOL, NODE_EXPORTER, PROMETHEUS, PROMTOOL
from exporters.errors import ServerMissingError

T = TypeVar("T")


class StartPrometheus(Protocol):
    def __call__(self, config: Path, *, port: int = 0) -> Prometheus: ...


class StartAlertmanager(Protocol):
    def __call__(self, config: Path, *, port: int = 0) -> Alertmanager: ...


def pytest_report_header() -> list[str]:
    """Name the real servers that this run stands on."""
    found = {program.name: program.find for program in (PROMETHEUS, ALERTMANAGER, NODE_EXPORTER)}
    return [
        *(f"{name}: {_version(find)}" for name, find in found.items()),
        f"Elasticsearch: {_home()}",
    ]


def _version(find: Callable[[], Path]) -> str:
    try:
        done = subprocess.run([find(), "--version"], capture_output=True, text=True, check=False)
    except ServerMissingError as error:
        return str(error)
    return (done.stdout or done.stderr).partition("\n")[0]


def _home() -> str:
    try:
        return find_home().name
    except ServerMissingError as error:
        return str(error)


def need(find: Callable[[], T]) -> T:
    """What `find` finds; without it the test is skipped here and fails in CI."""
    try:
        return find()
    except ServerMissingError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def prometheus_binary() -> Path:
    return need(PROMETHEUS.find)


@pytest.fixture(scope="session")
def promtool() -> Path:
    return need(PROMTOOL.find)


@pytest.fixture(scope="session")
def alertmanager_binary() -> Path:
    return need(ALERTMANAGER.find)


@pytest.fixture(scope="session")
def amtool() -> Path:
    return need(AMTOOL.find)


@pytest.fixture(scope="session")
def node_exporter_binary() -> Path:
    return need(NODE_EXPORTER.find)


@pytest.fixture(scope="session")
def elasticsearch_home() -> Path:
    """Elasticsearch, unpacked, with a Java to run it."""
    need(lambda: java_for(VERSION))
    return need(find_home)


@pytest.fixture(scope="session")
def elasticsearch(
    elasticsearch_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Elasticsearch]:
    """One server for the whole session, shared: a test uses index names of its own."""
    run = RunFolder(tmp_path_factory.mktemp("elasticsearch"))
    with start_elasticsearch(run) as server:
        yield server


@pytest.fixture(scope="session")
def elasticsearch_9(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elasticsearch]:
    """The next version, where it was fetched and there is a Java for it; skipped elsewhere."""
    try:
        java_for(NEXT_VERSION)
        find_home(NEXT_VERSION)
    except ServerMissingError as error:
        pytest.skip(str(error))
    run = RunFolder(tmp_path_factory.mktemp("elasticsearch-9"))
    with start_elasticsearch(run, version=NEXT_VERSION) as server:
        yield server


@pytest.fixture(params=["8", pytest.param("9", marks=pytest.mark.slow)])
def each_elasticsearch(request: pytest.FixtureRequest) -> Elasticsearch:
    """Every version we promise to work with, one after the other."""
    name = "elasticsearch" if request.param == "8" else "elasticsearch_9"
    server: Elasticsearch = request.getfixturevalue(name)
    return server


@pytest.fixture
def run_folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


@pytest.fixture(name="start_prometheus")
def _start_prometheus(prometheus_binary: Path, tmp_path: Path) -> Iterator[StartPrometheus]:
    """Start any number of Prometheus servers in one test; they stop with it."""
    with ExitStack() as started:

        def start(config: Path, *, port: int = 0) -> Prometheus:
            run = RunFolder.create(tmp_path / "runs")
            return started.enter_context(start_prometheus(run, config, port=port))

        yield start


@pytest.fixture(name="start_alertmanager")
def _start_alertmanager(alertmanager_binary: Path, tmp_path: Path) -> Iterator[StartAlertmanager]:
    """Start any number of Alertmanagers in one test; they stop with it."""
    with ExitStack() as started:

        def start(config: Path, *, port: int = 0) -> Alertmanager:
            run = RunFolder.create(tmp_path / "runs")
            return started.enter_context(start_alertmanager(run, config, port=port))

        yield start
