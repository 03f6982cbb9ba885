"""A cgroup for each replica, so that its CPU and memory can be told from its neighbours'.

Made below our own cgroup and only where that is ours to divide: where we stand at the root of a
hierarchy, or in a part of cgroup v2 that was delegated to us. A cgroup that somebody else put us
into (a container's, a service manager's) counts, limits and ends us, so nothing moves out of it.
Where no cgroup can be made, without root above all, the process silently stays in its parent's.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from demo.service.config import NICENESS
from exporters.errors import ServerMissingError
from exporters.host import where

CONTROLLERS: Final = ("cpu", "cpuacct", "memory")
NEEDED: Final = {"cpu", "memory"}
"""What a v2 cgroup must hand on to its children to be worth dividing."""

BUSY_THREADS: Final = 2
"""The engine's and the server's: niceness counts inside a cgroup alone, the cgroup's weight
between them, so it is what these threads had together."""

WEIGHT_FILES: Final = {"cpu.shares": 1024, "cpu.weight": 100}
"""Files of v1 and v2, and what they hold for one task at niceness 0."""

PERIOD: Final = 100_000
"""Microseconds over which the kernel counts a quota, unless told otherwise."""

PATIENCE: Final = 0.5  # seconds in which a cgroup whose processes ended becomes empty


def weight(niceness: int) -> float:
    """The scheduler's for our busy threads: 1 a thread at niceness 0, ×0.8 a step."""
    return BUSY_THREADS / 1.25 ** min(max(niceness, -20), 19)


class ProcessCgroup:
    """The folders made for one process: one on v2, one for each controller's hierarchy on v1."""

    def __init__(
        self, name: str, pid: int, *, proc: Path = where.PROC, cgroups: Path = where.CGROUPS
    ) -> None:
        self.folders = tuple(
            folder
            for home in dict.fromkeys(_homes(where.find(proc, cgroups)))
            if _moved(pid, folder := home / name)
        )

    def limit_cpu(self, cores: float) -> None:
        """Let its processes use so many cores' worth of time. Raises ServerMissingError."""
        files = [
            (folder / name, text)
            for folder in self.folders
            for name, text in (
                ("cpu.max", f"{round(cores * PERIOD)} {PERIOD}"),
                ("cpu.cfs_quota_us", str(round(cores * PERIOD))),
            )
            if (folder / name).exists()
        ]
        if not files:
            raise ServerMissingError(
                "no cgroup can be made for the replica, so its CPU cannot be limited; "
                "run as root, or below a cgroup that was delegated to you"
            )
        for path, text in files:
            path.write_text(f"{text}\n", encoding="ascii")

    def remove(self) -> None:
        """Remove the cgroup once its processes ended; one that is still in use is left."""
        for folder in self.folders:
            _remove(folder, PATIENCE)


def _homes(place: where.Place) -> Iterator[Path]:
    """The folders in which cgroups may be made."""
    if place.unified is not None:
        yield from _home(place.unified)
    for controller in CONTROLLERS:
        spot = place.v1.get(controller)
        if spot is not None and spot.path == "/":
            yield spot.folder


def _home(unified: where.Spot) -> Iterator[Path]:
    """The nearest part of our v2 subtree whose children have the controllers."""
    above = [unified.folder]
    while os.access(above[-1].parent / "cgroup.procs", os.F_OK):
        above.append(above[-1].parent)
    delegated = [at for at, folder in enumerate(above) if _is_delegated(folder)]
    top = delegated[-1] if delegated else 0 if unified.path == "/" else -1
    for folder in above[: top + 1]:
        handed_on = where.read(folder / "cgroup.subtree_control") or ""
        if set(handed_on.split()) >= NEEDED:
            yield folder
            return


def _is_delegated(folder: Path) -> bool:
    """Whether systemd marked it so (systemd.resource-control(5), Delegate=)."""
    for name in ("user.delegate", "trusted.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(folder, name) == b"1":
                return True
    return False


def _moved(pid: int, folder: Path) -> bool:
    try:
        folder.mkdir()
    except OSError:
        return False
    try:
        for name, one_task in WEIGHT_FILES.items():
            if (folder / name).exists():
                _write(folder / name, round(one_task * weight(os.nice(0) + NICENESS)))
        _write(folder / "cgroup.procs", pid)
    except OSError:
        _remove(folder, 0)
        return False
    return True


def _write(path: Path, value: int) -> None:
    path.write_text(f"{value}\n", encoding="ascii")


def _remove(folder: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        with contextlib.suppress(OSError):
            folder.rmdir()
            return
        if time.monotonic() >= deadline:
            return
        time.sleep(0.05)
