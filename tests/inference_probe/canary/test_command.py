"""The endpoint probe as people start it: `busysignal probe`, once and as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
from typer.testing import CliRunner

import busysignal
from tests.endpoints import Endpoint, endpoint, well

NO_TORCH = "import sys; sys.modules['torch'] = None; import busysignal; busysignal.main()"


def config(tmp_path: Path, served: Endpoint) -> str:
    path = tmp_path / "busysignal.toml"
    target = f'{{ name = "chat", url = "{served.url}", model = "tiny" }}'
    path.write_text(
        f'[probe]\nport = 0\ndevice = "cpu"\nbaseline_file = "{tmp_path}/baseline.json"\n'
        f"[probe.canary]\ninterval_seconds = 0.2\nretries = 0\ntargets = [{target}]\n"
    )
    return str(path)


def test_once_asks_the_endpoints_and_writes_what_they_said(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    with endpoint(well) as served:
        command = ["probe", "--once", "--endpoints-only", "--config", config(tmp_path, served)]
        result = CliRunner().invoke(busysignal.app, [*command, "--json", str(out)])

    assert result.exit_code == 0
    assert "chat" in result.output
    report = json.loads(out.read_text())
    assert [attempt["outcome"] for attempt in report["endpoints"]] == ["ok"]
    assert report["endpoints"][0]["tokens"] == 3


def test_once_says_what_is_wrong_and_exits_with_1(tmp_path: Path) -> None:
    def busy(wire):
        wire.answer("503 Service Unavailable", '{"error": {"code": "queue_full"}}')

    with endpoint(busy) as served:
        command = ["probe", "--once", "--endpoints-only", "--config", config(tmp_path, served)]
        result = CliRunner().invoke(busysignal.app, command)

    assert result.exit_code == 1
    assert "reason queue_full" in result.output


def test_it_serves_alone_where_there_is_no_torch(tmp_path: Path) -> None:
    with endpoint(well) as served:
        path = config(tmp_path, served)
        command = [sys.executable, "-c", NO_TORCH, "probe", "--endpoints-only", "--config", path]
        page = served_page(command, 'canary_up{endpoint="chat",model="tiny"} 1.0')

    assert "canary_time_to_first_token_seconds_count" in page
    assert "kernel_probe" not in page


def test_it_serves_beside_the_kernels_on_one_page(tmp_path: Path) -> None:
    with endpoint(well) as served:
        command = [
            sys.executable,
            "-m",
            "busysignal",
            "probe",
            "--config",
            config(tmp_path, served),
        ]
        page = served_page(command, 'canary_up{endpoint="chat",model="tiny"} 1.0')

    assert "kernel_probe_info{" in page
    assert page.count("# TYPE process_start_time_seconds") == 1


def served_page(command: list[str], awaited: str) -> str:
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        deadline = time.monotonic() + 60
        while awaited not in (page := httpx.get(f"{url}/metrics", trust_env=False).text):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    return page
