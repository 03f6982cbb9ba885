"""Names of containers from the kubelet's log links, POD_NAMESPACE_CONTAINER-ID.log.

The kubelet makes them for log shippers; all that is needed is to list their folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path("/var/log/containers")

_LINK: Final = re.compile(
    r"(?P<pod>[^_]+)_(?P<namespace>[^_]+)_(?P<name>.+)-(?P<id>[0-9a-f]{64})\.log"
)


@dataclass(frozen=True, slots=True)
class Name:
    """A container as Kubernetes calls it."""

    pod: str
    namespace: str
    name: str


class LogLinks:
    """The names that the links in a folder give; read again for a container not known yet."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._stamp = 0
        self._names: Mapping[str, Name] = {}
        self.is_there = False

    def refresh(self) -> None:
        """Read the folder if it has changed."""
        try:
            stamp = self._folder.stat().st_mtime_ns
            if stamp != self._stamp:
                self._names = parse(link.name for link in self._folder.iterdir())
                self._stamp = stamp
            self.is_there = True
        except OSError:
            self._names, self._stamp, self.is_there = {}, 0, False

    def get(self, container: str) -> Name | None:
        """The name of the container with this id."""
        return self._names.get(container)


def parse(links: Iterable[str]) -> dict[str, Name]:
    """Names by container id."""
    found = (_LINK.fullmatch(link) for link in links)
    return {one["id"]: Name(one["pod"], one["namespace"], one["name"]) for one in found if one}
