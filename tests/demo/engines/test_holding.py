from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from demo.engines.beside import Beside
from demo.engines.holding import Hands, Held
from demo.servers import RunFolder

BUSY = "while True: pass"


@pytest.fixture
def worker() -> Iterator[psutil.Process]:
    """A process that is always busy, in a group of its own."""
    started = subprocess.Popen([sys.executable, "-c", BUSY], start_new_session=True)
    yield psutil.Process(started.pid)
    started.kill()
    started.wait()


def states(process: psutil.Process, seconds: float) -> set[str]:
    end, seen = time.monotonic() + seconds, set()
    while time.monotonic() < end:
        seen.add(process.status())
        time.sleep(0.002)
    return seen


def test_a_held_process_stops_and_goes_on_in_turn_and_is_free_in_the_end(worker):
    with Held(worker.pid, 0.5):
        assert psutil.STATUS_STOPPED in states(worker, 0.5)

    assert psutil.STATUS_STOPPED not in states(worker, 0.2)


def test_a_slow_process_gets_its_share_of_the_time(worker):
    hands = Hands()
    hands.slow(worker.pid, 5.0)
    stopped = 0
    for _ in range(200):
        stopped += worker.status() == psutil.STATUS_STOPPED
        time.sleep(0.0037)
    hands.free(worker.pid)

    assert 120 <= stopped < 200


def test_a_stalled_process_goes_on_by_itself(worker):
    hands = Hands()
    hands.stall(worker.pid, 1.0)
    time.sleep(0.2)  # every thread of it hears the signal in its own time

    assert states(worker, 0.3) == {psutil.STATUS_STOPPED}
    end = time.monotonic() + 60
    while worker.status() == psutil.STATUS_STOPPED:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_freeing_ends_a_stall_early_and_twice_is_harmless(worker):
    hands = Hands()
    hands.stall(worker.pid, 600)
    hands.free(worker.pid)
    hands.free(worker.pid)

    assert psutil.STATUS_STOPPED not in states(worker, 0.1)


def test_holding_a_process_that_has_ended_is_past_caring():
    ended = subprocess.Popen(["true"], start_new_session=True)
    ended.wait()
    hands = Hands()

    hands.slow(ended.pid, 2.0)
    hands.free(ended.pid)


def test_a_process_without_an_exporter_is_told_of_from_beside(worker, tmp_path: Path):
    beside = Beside(worker.pid, RunFolder(tmp_path).free_port())
    try:
        page = httpx.get(f"http://{beside.address}/metrics", trust_env=False).text
    finally:
        beside.stop()

    values = dict(
        line.rsplit(" ", 1) for line in page.splitlines() if line and not line.startswith("#")
    )
    memory = worker.memory_info().rss
    assert 0.5 * memory < float(values["process_resident_memory_bytes"]) < 2 * memory
    assert float(values["process_start_time_seconds"]) == worker.create_time()
