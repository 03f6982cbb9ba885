"""The MIG instances of a device: which there are, their memory, what their SMs do."""

from __future__ import annotations

from typing import Final

import exporters.catalog.gpu_mig as signals
from exporters.gpu.families import Family
from exporters.gpu.families.profiling import OF_INSTANCE
from exporters.gpu.nvml import Handle, device, mig
from exporters.gpu.nvml.mig import MigDevice
from exporters.gpu.reading.profiling import Clock, Window, take
from exporters.gpu.reading.tally import Tally

MODE: Final = Family("mig", is_slow=True)
USE: Final = Family("mig_memory")
PROFILED: Final = Family("mig_profiling")


class Mig:
    """Instances are looked for on full passes; what they use is read on every pass."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._instances: tuple[MigDevice, ...] = ()
        self._windows: dict[int, Window] = {}

    def read(self, handle: Handle, tally: Tally) -> None:
        if tally.is_full:
            self._find(handle, tally)
        # Compute instances of one GPU instance share its memory and its counters.
        for instance in {one.gpu_instance: one for one in self._instances}.values():
            self._use(handle, tally, instance)

    def release(self) -> None:
        for window in self._windows.values():
            window.release()
        self._windows, self._instances = {}, ()

    def _find(self, handle: Handle, tally: Tally) -> None:
        found: tuple[MigDevice, ...] = ()
        with tally.asking(MODE):
            is_enabled = mig.is_enabled(handle)
            tally.found(MODE, ((signals.MIG_ENABLED, (), float(is_enabled)),))
            found = tuple(mig.instances(handle)) if is_enabled else ()
            tally.found(MODE, [(signals.MIG_INFO, _names(one), 1.0) for one in found])
        self._instances = found
        gone = self._windows.keys() - {one.gpu_instance for one in found}
        for gpu_instance in gone:
            self._windows.pop(gpu_instance).release()

    def _use(self, handle: Handle, tally: Tally, instance: MigDevice) -> None:
        label = str(instance.gpu_instance)
        with tally.asking(USE):
            memory = device.memory(instance.handle)
            tally.found(
                USE,
                (
                    (signals.MIG_MEMORY_USED, (label,), memory.used),
                    (signals.MIG_MEMORY_TOTAL, (label,), memory.total),
                ),
            )
        window = self._windows.get(instance.gpu_instance)
        if window is None:
            window = Window([OF_INSTANCE], self._clock, instance.gpu_instance)
            self._windows[instance.gpu_instance] = window
        with tally.asking(PROFILED):
            take(tally, window.read(handle, is_full=tally.is_full), label)


def _names(instance: MigDevice) -> tuple[str, ...]:
    return (
        str(instance.gpu_instance),
        str(instance.compute_instance),
        instance.uuid,
        instance.profile,
    )
