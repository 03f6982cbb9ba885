"""`busysignal gpu`: read and checked by the command, served by a small process of the same pid."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from exporters.gpu import GpuSection
from exporters.gpu.settings import Settings
from tests.devices import Machine

ROOT = Path(__file__).parents[3]


def start(machine: Machine, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    variables = {
        **os.environ,
        "BUSYSIGNAL__GPU__NVML_LIBRARY": str(machine.library),
        "BUSYSIGNAL__GPU__PORT": "0",
        **environment,
    }
    command = [sys.executable, "-m", "busysignal", "gpu", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=variables, cwd=ROOT, bufsize=1
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_becomes_the_exporter_and_stops_cleanly(machine: Machine, number: int):
    with start(machine) as process:
        try:
            url = process.stdout.readline().strip()
            page = httpx.get(f"{url}/metrics").text
        finally:
            process.send_signal(number)
        said = process.stderr.read()

    assert 'gpu_up{gpu="1"} 1.0\n' in page
    assert (said, process.returncode) == ("", 0)


def test_the_serving_process_holds_nothing_of_the_command(machine: Machine):
    settings = GpuSection(port=0, nvml_library=machine.library).model_dump_json()
    script = (
        "import sys, signal\n"
        "import exporters.gpu.__main__ as process\n"
        "process._say = lambda url: signal.raise_signal(signal.SIGTERM)\n"
        "code = process.main(sys.argv[1])\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", script, settings]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())

    heavy = {"pydantic", "typer", "click", "httpx", "uvicorn", "asyncio", "polars", "yaml", "grpc"}
    assert "pynvml" in loaded
    assert loaded & (heavy | {"opentelemetry", "numpy", "bcrypt"}) == set()


def test_a_taken_port_is_one_line_and_exit_code_2(machine: Machine):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with start(machine, BUSYSIGNAL__GPU__PORT=str(port)) as process:
            said = process.communicate(timeout=20)[1]

    assert said == (
        f"busysignal: cannot listen on 127.0.0.1:{port}: Address already in use; "
        "choose another port in the config, or stop the process that holds it\n"
    )
    assert process.returncode == 2


def test_the_option_names_the_web_config(machine: Machine, tmp_path: Path):
    with start(machine, "--web-config", str(tmp_path / "absent.yml")) as process:
        said = process.communicate(timeout=20)[1]

    assert said == (
        f"busysignal: web config {tmp_path}/absent.yml cannot be read: No such file or directory; "
        "name a file this user may read\n"
    )
    assert process.returncode == 2


def test_other_names_make_another_page(machine: Machine):
    with start(machine, "--names", "dcgm") as process:
        try:
            page = httpx.get(process.stdout.readline().strip() + "/metrics").text
        finally:
            process.send_signal(signal.SIGTERM)

    families = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")}
    ours = {name for name in families if not name.startswith("DCGM_FI_")}
    assert "DCGM_FI_DEV_GPU_UTIL" in families
    assert ours == {"process_start_time_seconds"}


def test_otlp_is_sent_beside_the_page(machine: Machine):
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        receiver.settimeout(20)
        port = receiver.getsockname()[1]
        url = f"http://127.0.0.1:{port}/v1/metrics"
        with start(
            machine, BUSYSIGNAL__GPU__OTLP_URL=url, BUSYSIGNAL__GPU__OTLP_INTERVAL_SECONDS="0.5"
        ) as process:
            try:
                with receiver.accept()[0] as connection:
                    request = connection.recv(100)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                page = httpx.get(process.stdout.readline().strip() + "/metrics")
            finally:
                process.send_signal(signal.SIGTERM)

    assert request.startswith(b"POST /v1/metrics HTTP/1.1")
    assert page.status_code == 200
    assert process.returncode == 0


def test_settings_are_the_section_field_by_field_with_its_defaults():
    section, settings = GpuSection(), Settings()

    assert dataclasses.asdict(settings) == section.model_dump()
    assert Settings.from_json(section.model_dump_json()) == settings


def test_every_path_survives_the_way_into_the_process():
    paths = {
        name: Path(f"/{name}")
        for name, field in GpuSection.model_fields.items()
        if "Path" in str(field.annotation)
    }
    section = GpuSection(**paths)

    told = Settings.from_json(section.model_dump_json())

    assert {name: getattr(told, name) for name in paths} == paths
    assert len(paths) >= 4
