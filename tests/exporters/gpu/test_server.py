"""The GPU exporter as its own process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from tests.devices import Machine

SERVE = (
    "import sys; from pathlib import Path; from exporters.errors import BusySignalError; "
    "from exporters.gpu import GpuSection, serve\n"
    "section = GpuSection(port=int(sys.argv[2]), nvml_library=Path(sys.argv[1]))\n"
    "try: serve(section, announce=lambda url: print(url, flush=True))\n"
    "except BusySignalError as error: print(error); sys.exit(error.exit_code)"
)


def start(library: Path, port: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SERVE, str(library), str(port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))


def test_it_serves_metrics_and_ends_on_sigterm(machine: Machine) -> None:
    with start(machine.library) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        metrics = httpx.get(f"{url}/metrics").text
        ready = httpx.get(f"{url}/-/ready").status_code
        process.send_signal(signal.SIGTERM)

        assert process.wait(10) == 0
    assert 'gpu_up{gpu="1"} 1.0\n' in metrics
    assert ready == 200


def test_a_taken_port_is_told_in_one_line(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with start(machine.library, port) as process:
            said = process.communicate(timeout=20)[0]

    assert said == (
        f"cannot listen on 127.0.0.1:{port}: Address already in use; "
        "choose another port in the config, or stop the process that holds it\n"
    )
    assert process.returncode == 2
