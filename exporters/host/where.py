"""Which cgroups this process is in, and where their files are (man cgroups, man proc)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

PROC: Final = Path("/proc")
CGROUPS: Final = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Spot:
    """One cgroup: its path in its hierarchy, as this process sees it, and its folder."""

    path: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Place:
    """The cgroup v2, where there is one, and the cgroup of each controller still on v1."""

    unified: Spot | None = None
    v1: Mapping[str, Spot] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted hierarchy: which part of it (`root`) is to be found where (`point`)."""

    root: str
    point: str
    controllers: frozenset[str]
    """`""` alone for v2."""


def find(proc: Path = PROC, cgroups: Path = CGROUPS, *, process: str = "self") -> Place:
    """Find a process's cgroups; `proc` and `cgroups` are where those of the host are mounted."""
    mounts = list(parse_mounts(read(proc / "self/mountinfo") or ""))
    spots = {
        controller: Spot(path, folder)
        for controller, path in parse_paths(read(proc / process / "cgroup") or "").items()
        if (folder := _folder(controller, path, mounts, cgroups)) is not None
    }
    return Place(spots.pop("", None), spots)


def parse_paths(text: str) -> dict[str, str]:
    """The path by controller of /proc/PID/cgroup; `""` is v2, as the file itself has it."""
    lines = [line.split(":", 2) for line in text.splitlines()]
    return {
        controller: line[2] for line in lines if len(line) == 3 for controller in line[1].split(",")
    }


def parse_mounts(text: str) -> Iterator[Mount]:
    """The cgroup hierarchies in /proc/PID/mountinfo."""
    for line in text.splitlines():
        place, _, system = line.partition(" - ")
        where, what = place.split(), system.split()
        if len(where) < 5 or len(what) < 3 or what[0] not in ("cgroup", "cgroup2"):
            continue
        controllers = what[2].split(",") if what[0] == "cgroup" else [""]
        yield Mount(where[3], where[4], frozenset(controllers))


def read(path: Path) -> str | None:
    """The text of a file of the kernel; None where there is none to be had."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):  # ENODEV and EOPNOTSUPP are answers, too
        return None


def _folder(controller: str, path: str, mounts: list[Mount], cgroups: Path) -> Path | None:
    for mount in mounts:
        if controller not in mount.controllers:
            continue
        folder = _below(path, mount, cgroups)
        if folder is not None and os.access(folder, os.X_OK):
            return folder
    return None


def _below(path: str, mount: Mount, cgroups: Path) -> Path | None:
    """The folder of `path` under `mount`; None where the mount does not show it."""
    try:
        inside = PurePosixPath(path).relative_to(mount.root)
        point = PurePosixPath(mount.point).relative_to(CGROUPS)
    except ValueError:
        return None
    # `..` is how a cgroup outside of this process's namespace is written
    return None if ".." in inside.parts else cgroups / point / inside
