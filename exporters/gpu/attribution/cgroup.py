"""The container in a line of /proc/PID/cgroup: Docker, containerd, CRI-O, Podman; cgroup v1 and v2.

Pure: text in, a container out. A path is a trail of nested cgroups, and the last container in it
is the one the process runs in (kind, for one, runs containers in containers).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ID: Final = re.compile(r"(?:^|[-:])(?P<id>[0-9a-f]{64})(?:\.scope)?$")
POD: Final = re.compile(
    r"(?:^|-)pod"
    r"(?P<uid>[0-9a-f]{8}([-_])[0-9a-f]{4}\2[0-9a-f]{4}\2[0-9a-f]{4}\2[0-9a-f]{12}|[0-9a-f]{32})"
    r"(?:\.slice|$|(?=\.slice:))"
)
"""A pod's uid; the systemd driver writes `_` for `-`, a static pod's uid has neither."""

MONITOR: Final = "conmon"
"""The process that watches a container is not in it."""

PREFIXES: Final = {
    "docker": "docker",
    "cri-containerd": "containerd",
    "nerdctl": "containerd",
    "crio": "cri-o",
    "libpod": "podman",
    "libpod_parent": "podman",
}
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Container:
    """A container by its full id, `pod_uid` where it is one of a Kubernetes pod's."""

    id: str
    runtime: str
    pod_uid: str | None = None


def parse(text: str) -> Container | None:
    """The container of a process, from its /proc/PID/cgroup; None for one outside of any."""
    for line in text.splitlines():
        found = parse_path(line.split(":", 2)[-1])
        if found is not None:
            return found
    return None


def parse_path(path: str) -> Container | None:
    """The innermost container that a cgroup's path names."""
    segments = path.split("/")
    for depth in range(len(segments) - 1, -1, -1):
        found = ID.search(segments[depth])
        if found is None:
            continue
        prefix = segments[depth][: found.start()].rpartition(":")[2]
        if prefix.endswith(MONITOR):
            return None
        parent = segments[depth - 1] if depth else ""
        runtime = PREFIXES.get(prefix or parent, UNKNOWN)
        return Container(found["id"], runtime, _pod_uid(segments[: depth + 1]))
    return None


def _pod_uid(segments: list[str]) -> str | None:
    """The uid in the cgroup right around the container; Docker in a pod is not one of its own."""
    around = [segments[-1].partition(":")[0], *segments[-2:-1]]
    for segment in around:
        found = POD.search(segment)
        if found is not None:
            return found["uid"].replace("_", "-")
    return None
