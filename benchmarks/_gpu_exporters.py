"""Our GPU exporter and nvitop-exporter as processes over one simulated driver."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

NVITOP: Final = "nvitop-exporter"
START_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Running:
    """An exporter that answers: its metrics' address and its process."""

    url: str
    pid: int


@contextmanager
def ours(library: Path, *, interval_seconds: float = 1.0) -> Iterator[Running]:
    """Our exporter, as `busysignal gpu` runs it."""
    settings = json.dumps(
        {"port": 0, "nvml_library": str(library), "interval_seconds": interval_seconds}
    )
    command = [sys.executable, "-m", "exporters.gpu", settings]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        with _ending(process):
            yield Running(process.stdout.readline().strip() + "/metrics", process.pid)


def nvitop_exporter() -> Path | None:
    """Where nvitop-exporter is installed (dependency group `bench`), if it is."""
    beside = Path(sys.executable).with_name(NVITOP)
    found = str(beside) if beside.exists() else shutil.which(NVITOP)
    return Path(found) if found else None


@contextmanager
def nvitop(library: Path, *, interval_seconds: float = 1.0) -> Iterator[Running]:
    """nvitop-exporter, unmodified: it finds the library by its name, as it would the driver's."""
    command = nvitop_exporter()
    assert command, f"{NVITOP} is not installed"
    port = _free_port()
    environment = {**os.environ, "LD_LIBRARY_PATH": str(library.parent)}
    arguments = ["--port", str(port), "--interval", str(interval_seconds), "--hostname", "here"]
    with (
        subprocess.Popen(
            [str(command), *arguments],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process,
        _ending(process),
    ):
        url = f"http://127.0.0.1:{port}/metrics"
        _wait_for(url, "gpu_power_usage_W{")
        yield Running(url, process.pid)


@contextmanager
def _ending(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_for(url: str, series: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if series in httpx.get(url).text:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"{url} told no {series} within {START_SECONDS:g} s")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
