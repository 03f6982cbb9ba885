"""A source of metrics that reads the host's side of this process at every scrape (Linux)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from exporters.catalog import host as signals
from exporters.catalog.signal import Signal
from exporters.exposition import text
from exporters.host import cgroup_v1, cgroup_v2, where
from exporters.host.reading import Cgroup, Process, number

Files = Mapping[str, tuple[str, ...]]
Series = Mapping[tuple[str, ...], float]


class HostSource:
    """This process and its cgroup as text 0.0.4; what the kernel does not tell has no series.

    With `pid` it is about another process of this machine, for those that carry no exporter. In a
    hierarchy's root cgroup the numbers are the whole host's, as the kernel has them.
    """

    def __init__(
        self,
        proc: Path = where.PROC,
        cgroup_root: Path = where.CGROUPS,
        *,
        pid: int | None = None,
    ) -> None:
        self._proc, self._cgroups = proc, cgroup_root
        self._process = "self" if pid is None else str(pid)

    def collect_text(self) -> str:
        """Read the files, and write what they say."""
        process, cgroup = self.process(), self.cgroup()
        families: list[tuple[Signal, float | None]] = [
            (signals.PROCESS_CPU, process.cpu),
            (signals.PROCESS_RESIDENT, process.resident),
            (signals.CPU_USAGE, cgroup.cpu_usage),
            (signals.CPU_THROTTLED, cgroup.cpu_throttled),
            (signals.CPU_PERIODS, cgroup.cpu_periods),
            (signals.CPU_THROTTLED_PERIODS, cgroup.cpu_throttled_periods),
            (signals.CPU_QUOTA, cgroup.cpu_quota),
            (signals.MEMORY_USED, cgroup.memory_used),
            (signals.MEMORY_LIMIT, cgroup.memory_limit),
            (signals.OOM_KILLS, cgroup.oom_kills),
        ]
        told = [_family(signal, {(): value}) for signal, value in families if value is not None]
        waited: Series = {(resource,): total for resource, total in cgroup.pressure.items()}
        return "".join([*told, _family(signals.PRESSURE, waited)])

    def process(self) -> Process:
        """What /proc says of the process."""
        stat = where.read(self._proc / self._process / "stat") or ""
        return _process(stat, os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE"))

    def cgroup(self) -> Cgroup:
        """What the kernel says of its cgroup; looked up anew, for a process may be moved."""
        place = where.find(self._proc, self._cgroups, process=self._process)
        spots = place.v1.items()
        old = [_texts(spot.folder, cgroup_v1.FILES.get(name, ())) for name, spot in spots]
        found = cgroup_v1.parse({name: said for texts in old for name, said in texts.items()})
        if place.unified is None:
            return found
        names = _names(cgroup_v2.FILES, without=place.v1)
        return found.completed_by(cgroup_v2.parse(_texts(place.unified.folder, names)))


def _names(files: Files, *, without: Iterable[str]) -> Iterator[str]:
    """The files of all controllers that are not on v1: each lives in one hierarchy alone."""
    taken = set(without)
    return (name for key in files if key not in taken for name in files[key])


def _texts(folder: Path, names: Iterable[str]) -> dict[str, str]:
    found = {name: where.read(folder / name) for name in names}
    return {name: said for name, said in found.items() if said is not None}


def _process(stat: str, ticks: int, page: int) -> Process:
    """The fields of /proc/PID/stat behind the command's name, which may hold anything."""
    fields = stat.rpartition(")")[2].split()
    if len(fields) < 22:
        return Process()
    user, system, pages = (number(fields[at]) for at in (11, 12, 21))
    return Process(
        cpu=(user + system) / ticks if user is not None and system is not None else None,
        resident=pages * page if pages is not None else None,
    )


def _family(signal: Signal, samples: Series) -> str:
    if not samples:
        return ""
    suffix = "_total" if signal.type == "counter" else ""
    lines = [
        f"{text.sample_prefix(signal, suffix, labels)}{value!r}\n"
        for labels, value in samples.items()
    ]
    return "".join([text.header(signal), *lines])
