"""What /proc says of a process: its name, its user, its container (man proc)."""

from __future__ import annotations

import pwd
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from exporters.gpu.attribution.cgroup import Container, parse

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Identity:
    """A process for as long as it lives; `started` tells it from one that has its pid later."""

    started: str
    name: str
    user: str
    container: Container | None = None


class ProcessTable:
    """Processes that were asked for, each read once."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._known: dict[int, Identity] = {}

    def identity(self, pid: int) -> Identity | None:
        """Who that is; None where /proc shows no such process (another PID namespace)."""
        folder = self._proc / str(pid)
        started = _started(folder)
        if started is None:
            return None
        known = self._known.get(pid)
        if known is None or known.started != started:
            known = self._known[pid] = _read(folder, started)
        return known

    def keep(self, pids: Collection[int]) -> None:
        """Forget all others."""
        self._known = {pid: known for pid, known in self._known.items() if pid in pids}


def _read(folder: Path, started: str) -> Identity:
    return Identity(
        started=started,
        name=_text(folder / "comm").strip(),
        user=_user(folder),
        container=parse(_text(folder / "cgroup")),
    )


def _started(folder: Path) -> str | None:
    """The start time in ticks; it stands behind the name, which may hold anything."""
    fields = _text(folder / "stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else None


def _user(folder: Path) -> str:
    try:
        number = folder.stat().st_uid
    except OSError:
        return ""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a user of a container's own
        return str(number)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # it ended, or another user's mount hides it
        return ""
