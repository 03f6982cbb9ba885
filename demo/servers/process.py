"""One server process: started in a group of its own, watched until it answers, stopped whole."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from exporters.errors import ServerMissingError

POLL = 0.05  # seconds between two looks at a server that starts or stops
GRACE = 15.0  # seconds between SIGTERM and SIGKILL


@dataclass(frozen=True, kw_only=True)
class Command:
    """How a server is started; starting it again gives a new process of the same kind."""

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None  # None: as ours
    folder: Path | None = None
    niceness: int = 0
    user: str | None = None  # None: as we are
    scratch: Path | None = None  # removed when the process is stopped

    def start(self) -> ServerProcess:
        """Start it in its own session, so that Ctrl-C reaches us alone and we stop it in order.

        Raises ServerMissingError when the system refuses to run it.
        """
        niceness = ["nice", "-n", str(self.niceness)] if self.niceness else []
        with self.log.open("ab") as log:
            try:
                popen = subprocess.Popen(
                    [*niceness, *self.argv],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self.env,
                    cwd=self.folder,
                    user=self.user,
                    group=self.user,
                    extra_groups=[] if self.user else None,
                    start_new_session=True,
                )
            except OSError as error:
                raise ServerMissingError(
                    f"{self.name} cannot be started: {self.argv[0]}: {error.strerror}; "
                    "give the path of a program that this user may run"
                ) from None
        return ServerProcess(self, popen)


class ServerProcess:
    """A running server, known by the pid that was started; its children belong to it."""

    def __init__(self, command: Command, popen: subprocess.Popen[bytes]) -> None:
        self.name = command.name
        self.log = command.log
        self.pid = popen.pid
        self._popen = popen
        self._scratch = command.scratch
        self._peak = 0
        atexit.register(self.stop, grace=2.0)

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    @property
    def peak_rss_bytes(self) -> int:
        """The most memory it and its children held, each at its own worst; kept after the stop."""
        peak = sum(_peak_rss(pid) for pid in _group(self.pid))
        self._peak = max(self._peak, peak)
        return self._peak

    def wait_ready(self, url: str, timeout: float) -> None:
        """Return once `url` answers 2xx.

        Raises ServerMissingError when the process ends first (with the last line of its log) or
        when `timeout` seconds pass.
        """
        deadline = time.monotonic() + timeout
        with httpx.Client(timeout=1.0, trust_env=False) as client:
            while not _answers(client, url):
                if not self.running:
                    raise self._died()
                if time.monotonic() > deadline:
                    raise ServerMissingError(
                        f"{self.name} does not answer at {url} after {timeout:g} s; "
                        f"last log line: {last_line(self.log)}; the whole log is {self.log}"
                    )
                time.sleep(POLL)

    def stop(self, grace: float = GRACE) -> None:
        """End the whole group: SIGTERM, and after `grace` seconds SIGKILL. Twice is harmless."""
        _ = self.peak_rss_bytes  # /proc forgets it with the process
        for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            if self._ended():
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            self._wait_ended(patience)
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
        atexit.unregister(self.stop)

    def _died(self) -> ServerMissingError:
        return ServerMissingError(
            f"{self.name} stopped at its start with exit code {self._popen.returncode}: "
            f"{last_line(self.log)}; the whole log is {self.log}"
        )

    def _ended(self) -> bool:
        left = any(_group(self.pid))
        return self._popen.poll() is not None and not left

    def _wait_ended(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while not self._ended() and time.monotonic() < deadline:
            time.sleep(POLL)


def last_line(log: Path) -> str:
    """The last line of `log` that says something, or that there is none."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "(nothing logged)")


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).is_success
    except httpx.HTTPError:
        return False


def _group(leader: int) -> Iterator[int]:
    """The pids of the process group of `leader` that are not yet dead (zombies are)."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # the command's name, in brackets, may hold anything: read behind its end
            state, _, group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(group) == leader and state not in "ZX":
                yield int(folder.name)


def _peak_rss(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
