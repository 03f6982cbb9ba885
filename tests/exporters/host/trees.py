"""File trees as the kernel shows them, with mount points where they really are."""

from __future__ import annotations

from pathlib import Path

STAT = (
    "4242 (a) busy (name) S 1 1 1 0 -1 4194560 9 0 0 0 250 50 0 0 20 0 7 0 1000 900000000 "
    "25600 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n"
)
"""Of a process with 250 + 50 ticks of CPU and 25,600 resident pages."""

V2_MOUNT = "31 23 0:28 {root} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
UNIFIED_MOUNT = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
V1_MOUNT = "33 31 0:{n} {root} /sys/fs/cgroup/{name} rw shared:9 - cgroup cgroup rw,{name}\n"


class Tree:
    """`/proc` and `/sys/fs/cgroup` of one process."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.cgroups = folder / "proc", folder / "cgroup"
        self.cgroups.mkdir()
        self.write(self.proc / "self", stat=STAT)

    def process(self, cgroup: str, mountinfo: str) -> None:
        self.write(self.proc / "self", cgroup=cgroup, mountinfo=mountinfo)

    def group(self, path: str, files: dict[str, str]) -> Path:
        return self.write(self.cgroups / path, **files)

    @staticmethod
    def write(folder: Path, **files: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder


def v1_mounts(*names: str, root: str = "/") -> str:
    return "".join(V1_MOUNT.format(n=40 + n, root=root, name=name) for n, name in enumerate(names))
