"""The processes on a device and what each uses of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from exporters.catalog.gpu_processes import PROCESS_KINDS
from exporters.gpu.families import Family
from exporters.gpu.nvml import AbsentError, Handle, Nvml, Process, Usage, processes
from exporters.gpu.reading.tally import SUPPORTED, Tally

LISTS: Final = Family("processes")
USE: Final = Family("process_utilization")


class Processes:
    """Lists of processes by kind, and their share of the device since the last pass."""

    def __init__(self, nvml: Nvml) -> None:
        self._nvml = nvml
        self._kinds: tuple[str, ...] = PROCESS_KINDS
        self._since = 0
        self._tells_usage = True

    def read(self, handle: Handle, tally: Tally) -> None:
        if tally.is_full:
            self._kinds, self._tells_usage = PROCESS_KINDS, True
        garbled = processes.is_garbled(self._nvml.driver_version)
        found: dict[tuple[int, str], Process] = {}
        absent = []
        for kind in self._kinds:
            with tally.asking(LISTS) as asking:
                told = processes.running(handle, kind, garbled=garbled)
                found.update(((one.pid, kind), one) for one in told)
                tally.came_out(LISTS, SUPPORTED)
            if isinstance(asking.error, AbsentError):
                absent.append(kind)
        self._kinds = tuple(kind for kind in self._kinds if kind not in absent)
        tally.processes = tuple(found.values())
        self._add_usage(handle, tally)

    def release(self) -> None:
        """Forget the driver's clock, which begins anew with it."""
        self._since = 0

    def _add_usage(self, handle: Handle, tally: Tally) -> None:
        if not self._tells_usage:
            return
        used: Mapping[int, Usage] = {}
        with tally.asking(USE) as asking:
            used, self._since = processes.usages(handle, self._since)
            tally.came_out(USE, SUPPORTED)
        if asking.error is None:
            tally.processes = tuple(processes.with_usage(one, used) for one in tally.processes)
        self._tells_usage = not isinstance(asking.error, AbsentError)
