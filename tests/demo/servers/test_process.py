import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.servers import Command, Server
from demo.servers.process import last_line
from demo.servers.run_folder import HOST, RunFolder
from exporters.errors import ServerMissingError

ROOT = Path(__file__).parents[3]


def python(tmp_path: Path, code: str, **more) -> Command:
    argv = [sys.executable, "-c", code]
    return Command(name="patient", argv=argv, log=tmp_path / "patient.log", **more)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_for(happened, patience=10.0):
    deadline = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_server_is_ready_once_it_answers_and_gone_once_it_is_stopped(tmp_path: Path):
    port = RunFolder(tmp_path).free_port()
    argv = [sys.executable, "-m", "http.server", "--bind", HOST, str(port)]
    server = Command(name="files", argv=argv, log=tmp_path / "log", folder=tmp_path).start()
    server.wait_ready(f"http://{HOST}:{port}/", timeout=10)
    assert server.running
    assert server.peak_rss_bytes > 2**20

    server.stop()

    assert not alive(server.pid)
    assert server.peak_rss_bytes > 2**20
    server.stop()


def test_a_server_that_dies_at_once_is_told_with_its_last_words(tmp_path: Path):
    server = python(tmp_path, "print('first'); raise SystemExit('no space left\\n\\n')").start()

    with pytest.raises(ServerMissingError) as error:
        server.wait_ready(f"http://{HOST}:9/", timeout=10)

    assert str(error.value) == (
        "patient stopped at its start with exit code 1: no space left; "
        f"the whole log is {tmp_path}/patient.log"
    )
    server.stop()


def test_a_server_that_hangs_is_given_up_after_the_timeout(tmp_path: Path):
    server = python(tmp_path, "import time; time.sleep(60)").start()

    with pytest.raises(ServerMissingError) as error:
        server.wait_ready(f"http://{HOST}:9/ready", timeout=0.2)
    server.stop()

    assert str(error.value) == (
        "patient does not answer at http://127.0.0.1:9/ready after 0.2 s; "
        f"last log line: (nothing logged); the whole log is {tmp_path}/patient.log"
    )
    assert not alive(server.pid)


def test_a_server_that_is_given_up_is_stopped(tmp_path: Path):
    class Patient(Server):
        name = "patient"
        health = "/ready"
        patience = 0.2

    server = Patient(f"http://{HOST}:9", python(tmp_path, "import time; time.sleep(60)"))

    with pytest.raises(ServerMissingError, match="does not answer"):
        server.wait_ready()

    assert not alive(server.process.pid)


def test_a_server_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path):
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('deaf', flush=True); time.sleep(60)"
    )
    server = python(tmp_path, code).start()
    wait_for(lambda: last_line(server.log) == "deaf")

    began = time.monotonic()
    server.stop(grace=0.3)

    assert not alive(server.pid)
    assert 0.3 <= time.monotonic() - began < 5


def test_the_children_of_a_server_are_stopped_even_when_it_died_before_them(tmp_path: Path):
    code = (
        "import subprocess; child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True)"
    )
    server = python(tmp_path, code).start()
    wait_for(lambda: not server.running)
    child = int(last_line(server.log))
    assert alive(child)

    server.stop()

    assert not alive(child)


def test_scratch_is_removed_with_the_process(tmp_path: Path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "data").write_text("x")

    python(tmp_path, "import time; time.sleep(60)", scratch=scratch).start().stop()

    assert not scratch.exists()


def test_a_program_that_cannot_be_run_is_named(tmp_path: Path):
    command = Command(name="prometheus", argv=["/no/such/prometheus"], log=tmp_path / "log")

    with pytest.raises(ServerMissingError) as error:
        command.start()

    assert str(error.value) == (
        "prometheus cannot be started: /no/such/prometheus: No such file or directory; "
        "give the path of a program that this user may run"
    )


def test_niceness_lowers_the_priority_of_the_server_alone(tmp_path: Path):
    server = python(tmp_path, "import os; print(os.nice(0))", niceness=7).start()
    wait_for(lambda: not server.running)

    assert last_line(server.log) == str(os.nice(0) + 7)
    server.stop()


@pytest.mark.parametrize("how", [signal.SIGINT, None], ids=["ctrl-c", "an error"])
def test_nothing_is_left_running_when_the_starter_ends_by(how, tmp_path: Path):
    code = f"""
import time
from pathlib import Path
from demo.servers import Command, Server
command = Command(name="patient", argv=["sleep", "60"], log=Path({str(tmp_path)!r}) / "log")
print(command.start().pid, flush=True)
{"time.sleep(60)" if how else "raise RuntimeError"}
"""
    starter = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    with starter:
        pid = int(starter.stdout.readline())
        if how:
            assert alive(pid)
            os.killpg(starter.pid, how)

    assert starter.returncode != 0
    assert not alive(pid)
