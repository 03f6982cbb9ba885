"""The probing thread over a device that fails, or never answers."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from inference_probe.device import Timing, Work
from inference_probe.exporter import ProbeExporter
from inference_probe.loop import Loop, Page
from tests.inference_probe.fakes import FakeDevice, probe_on


class Hanging(FakeDevice):
    """Returns from no kernel while `free` is clear; `breaks` is raised by the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()
        self.free.set()
        self.breaks: Exception | None = None

    def time(self, work: Work) -> Timing:
        if self.breaks is not None:
            raise self.breaks
        assert self.free.wait(30)
        return super().time(work)


class Stand:
    """One loop over such a device, with a clock that the test moves."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.device = Hanging()
        probe = probe_on(self.device, folder, interval_seconds=0.1, duty_ratio=0.1)
        self.exporter = ProbeExporter([self.device])
        self.loop = Loop(probe, self.exporter, 0.1, lambda: self.now)
        self.page = Page(self.exporter, [self.loop])

    @property
    def is_measured(self) -> bool:
        return "kernel_probe_p50_seconds{" in self.page.collect_text()

    @property
    def samples(self) -> float:
        page = self.exporter.collect_text().splitlines()
        return sum(float(line.split()[-1]) for line in page if line.startswith("kernel_probe_sam"))


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    stand = Stand(tmp_path)
    stand.loop.start()
    eventually(lambda: stand.is_measured)
    yield stand
    stand.device.free.set()
    stand.loop.close()


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def hang(stand: Stand) -> None:
    stand.device.free.clear()
    seen = -1.0
    while stand.samples != seen:
        seen = stand.samples
        time.sleep(0.3)


def test_a_device_that_never_returns_is_not_ready_and_its_last_slowdown_ends(stand: Stand) -> None:
    hang(stand)
    stand.now += 9.0
    patient = (stand.loop.is_fresh(), stand.is_measured)

    stand.now += 2.0

    assert patient == (True, True), "a round may be late"
    assert (stand.loop.is_fresh(), stand.is_measured) == (False, False)
    assert stand.samples > 0


def test_a_device_that_returns_after_all_is_ready_again(stand: Stand) -> None:
    hang(stand)
    stand.now += 100.0
    assert not stand.is_measured

    stand.device.free.set()

    eventually(stand.loop.is_fresh)
    eventually(lambda: stand.is_measured)


def test_a_probe_that_rests_long_to_keep_its_duty_is_not_late(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.device.launch_seconds = 5.0  # at a duty of a tenth: a rest of more than 50 seconds
    stand.loop.start()
    eventually(lambda: stand.is_measured)
    eventually(lambda: stand.loop._due > 50)

    stand.now += 55.0

    assert stand.loop.is_fresh()
    assert stand.is_measured
    stand.loop.close()


def test_closing_does_not_wait_for_a_device_that_never_returns(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("inference_probe.loop.CLOSE_SECONDS", 0.1)
    hang(stand)
    began = time.monotonic()

    stand.loop.close()

    assert time.monotonic() - began < 2
    assert "did not return from a kernel" in caplog.text


@pytest.mark.parametrize("error", [RuntimeError("CUDA error"), ValueError("odd"), OSError("gone")])
def test_whatever_fails_ends_the_measurements_and_is_not_ready(
    stand: Stand, error: Exception
) -> None:
    stand.device.breaks = error

    eventually(lambda: not stand.loop.is_fresh())

    assert "kernel_probe_p50_seconds{" not in stand.exporter.collect_text()
    assert stand.samples > 0


HANG = (
    "import sys, threading; from pathlib import Path; from inference_probe import ProbeSection\n"
    "from inference_probe import device, loop, server\n"
    "loop.STALE_SECONDS = loop.CLOSE_SECONDS = 0.2\n"
    "prepare = server.prepare\n"
    "def hang(self, work): threading.Event().wait()\n"
    "def prepared(section, where):\n"
    "    found = prepare(section, where); device.HostDevice.time = hang; return found\n"
    "server.prepare = prepared\n"
    "section = ProbeSection(port=0, interval_seconds=0.1, duty_ratio=0.1, device='cpu',"
    " baseline_file=Path(sys.argv[1]))\n"
    "server.serve(section, announce=lambda url: print(url, flush=True))"
)


def test_the_process_of_a_hanging_device_is_not_ready_and_still_ends_on_sigterm(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", HANG, str(tmp_path / "baseline.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        eventually(lambda: httpx.get(f"{url}/-/ready").status_code == 503)
        healthy = httpx.get(f"{url}/-/healthy").status_code
        process.send_signal(signal.SIGTERM)

        assert process.wait(20) == 0
    assert healthy == 200
