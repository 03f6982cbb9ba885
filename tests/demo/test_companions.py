from __future__ import annotations

import threading
from pathlib import Path

import psutil
import pytest

from demo.companions import tour
from demo.servers import RunFolder

pytestmark = [pytest.mark.servers, pytest.mark.alone]


def test_companions_fill_every_panel_that_no_fault_fills_and_leave_nothing_running(
    tmp_path: Path,
    prometheus_binary: Path,
    alertmanager_binary: Path,
    node_exporter_binary: Path,
) -> None:
    before = set(psutil.Process().children(recursive=True)), set(threading.enumerate())
    said: list[str] = []

    left = tour.play(RunFolder(tmp_path), said.append)

    assert left == set()
    assert (set(psutil.Process().children(recursive=True)), set(threading.enumerate())) == before
