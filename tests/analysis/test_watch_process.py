from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from analysis.watch.ledger import Ledger
from tests.analysis.watching import webhook

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "busysignal.toml"
    path.write_text(
        f"""
[prometheus]
url = "http://127.0.0.1:9"
[telemetry]
kind = "none"
[watch]
port = 0
database = "{tmp_path}/watch.sqlite"
verdicts = "{tmp_path}/verdicts"
""",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def watch(config: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "busysignal", "watch", "--config", str(config)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_and_loses_nothing(
    watch: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
):
    assert watch.stdout is not None
    url = watch.stdout.readline().strip()
    names = [f"Alert{one}" for one in range(5)]
    for name in names:
        answer = httpx.post(f"{url}/alerts", json=webhook(name), timeout=10, trust_env=False)
        assert answer.status_code == 200
    watch.send_signal(number)
    said = watch.communicate(timeout=120)

    assert (watch.returncode, *said) == (0, "", "")
    ledger = Ledger(tmp_path / "watch.sqlite")
    kept = ledger.incidents()
    told = ledger.verdicts()
    ledger.close()
    assert sorted(incident.alert.name for incident in kept) == names
    assert len(told) == sum(incident.state == "answered" for incident in kept)


def test_a_port_that_is_taken_is_one_line_and_exit_code_2(config: Path):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        config.write_text(config.read_text().replace("port = 0", f"port = {port}"))
        done = subprocess.run(
            [sys.executable, "-m", "busysignal", "watch", "--config", str(config)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"busysignal: cannot listen on 127.0.0.1:{port}: Address already in use; "
        "choose another port in the config, or stop the process that holds it\n"
    )


def test_a_second_one_on_the_same_files_is_refused_and_the_first_goes_on(
    watch: subprocess.Popen[str], config: Path
):
    assert watch.stdout is not None
    url = watch.stdout.readline().strip()
    second = subprocess.run(
        [sys.executable, "-m", "busysignal", "watch", "--config", str(config)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr.endswith(
        "is in use by another `busysignal watch`; stop that one, or name another file\n"
    )
    assert httpx.get(f"{url}/-/ready", timeout=20, trust_env=False).status_code == 200
