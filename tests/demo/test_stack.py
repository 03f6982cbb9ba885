from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from demo.servers import RunFolder
from demo.stack import Stack

pytestmark = [pytest.mark.servers, pytest.mark.alone]


@pytest.fixture
def broken_elasticsearch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that dies at its start, as one with too little memory does."""
    # Below /var/tmp, since as root the server runs as a user who may not enter pytest's folder.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        home = Path(folder)
        home.chmod(0o755)
        _write_broken_server(home)
        monkeypatch.setenv("ES_HOME", folder)
        yield


def _write_broken_server(home: Path) -> None:
    (home / "bin").mkdir(parents=True)
    (home / "config").mkdir()
    (home / "config" / "jvm.options").write_text("", encoding="utf-8")
    (home / "bin" / "elasticsearch").write_text("echo out of memory; exit 1\n", encoding="utf-8")


def test_the_embedded_store_stands_in_for_an_elasticsearch_that_dies(
    tmp_path: Path,
    broken_elasticsearch: None,
    prometheus_binary: Path,
    alertmanager_binary: Path,
    node_exporter_binary: Path,
):
    said: list[str] = []
    with Stack(RunFolder(tmp_path / "run"), said.append) as stack:
        assert stack.elasticsearch is None
        assert "store" == stack.telemetry.kind
        assert httpx.get(f"{stack.watch_url}/-/ready", trust_env=False).is_success

    reasons = [line for line in said if line.startswith("spans and logs go to files: ")]
    assert 1 == len(reasons)
    assert "elasticsearch stopped at its start with exit code 1: out of memory" in reasons[0]
