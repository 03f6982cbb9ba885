"""Where kernels run and how their time is taken: the seam that any other device plugs into.

The probe, like a serving engine, executes a kernel through `Device.run` alone and times it from
outside with `Device.time`. A device that executes kernels more slowly is therefore measured
to be slow; nothing tells the probe by how much.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol

import torch

from inference_probe.cost import Cost
from inference_probe.sharing import Sharing
from inference_probe.state import DeviceState, UnknownState

if TYPE_CHECKING:
    from inference_probe.peaks import Peak

PREEMPTED_RATIO: Final = 1.05
"""Wall time over CPU time from which a batch was interrupted by other work."""
DELAYED_RATIO: Final = 0.05
"""Share of a batch spent waiting for a core from which the host, not the device, was slow."""
SCHEDULER: Final = Path("/proc/thread-self/schedstat")

Launch = Callable[[], object]
Run = Callable[[Launch, Cost], None]
Work = Callable[[], object]
Kind = Literal["cpu", "cuda", "simulated"]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that passed, seconds of the device they cost, and whether other work ran on it."""

    seconds: float
    busy_seconds: float
    contended: bool


class Device(Protocol):
    """Executes kernels and takes their time."""

    label: str
    """Short name, for labels of series."""
    name: str
    """What the maker calls it."""
    uuid: str
    """Its identity in NVML, or nothing."""
    kind: Kind
    identity: str
    """All that a baseline depends on: device, driver, library, share of the device."""
    sharing: Sharing
    torch_device: torch.device
    dtype: torch.dtype
    state: DeviceState
    cache_bytes: int
    """The last-level cache that inputs must outgrow; 0 where it is not known."""
    min_batch_seconds: float
    """A batch shorter than this drowns in the clock's resolution and the launch gap."""

    def run(self, launch: Launch, cost: Cost) -> None:
        """Execute one launch of a kernel; return when the device has taken it."""

    def time(self, work: Work) -> Timing:
        """Time launches from outside."""

    def capture(self, work: Work) -> Work | None:
        """The launches of `work` as one submission (a CUDA graph); None where there is none."""

    def memory_bytes(self) -> int | None:
        """Device memory that this process's tensors take, if the device can say."""


class HostDevice:
    """The CPU, or a device that the CPU stands for.

    `run(launch, cost)` executes one launch and takes as long as the device it stands for would;
    without it a launch takes what it takes. The time is the monotonic clock's. On the bare CPU a
    batch was interrupted when it took longer than its CPU time; a device that sleeps out its time
    was interrupted when the thread waited for a core.
    """

    min_batch_seconds = 0.5e-3
    cache_bytes = 0
    peak: Peak | None = None
    """What it can do at most, where a device of your own making knows."""

    def __init__(
        self,
        *,
        label: str,
        name: str,
        identity: str = "",
        uuid: str = "",
        run: Run | None = None,
        state: DeviceState | None = None,
    ) -> None:
        self.label, self.name, self.uuid = label, name, uuid
        self.kind: Kind = "simulated" if run else "cpu"
        self.identity = identity or f"{name} {uuid}, {self.kind}, torch {torch.__version__}"
        self.sharing = Sharing()
        self.torch_device = torch.device("cpu")
        self.dtype = torch.float32
        self.state: DeviceState = state or UnknownState()
        self._run = run

    def run(self, launch: Launch, cost: Cost) -> None:
        if self._run is None:
            launch()
        else:
            self._run(launch, cost)

    def time(self, work: Work) -> Timing:
        waited, cpu, wall = _waited(), time.thread_time(), time.perf_counter()
        work()
        wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
        if self._run is None:
            return Timing(wall, busy_seconds=cpu, contended=wall > cpu * PREEMPTED_RATIO)
        late = _waited() - waited
        return Timing(wall, busy_seconds=wall, contended=late > wall * DELAYED_RATIO)

    def capture(self, work: Work) -> Work | None:
        return None

    def memory_bytes(self) -> int | None:
        return None


def cpu_device() -> HostDevice:
    """This machine's CPU, one thread of it: the service keeps the other cores."""
    torch.set_num_threads(1)
    return HostDevice(label="cpu", name=_cpu_name())


def _waited() -> float:
    """Seconds this thread was ready to run and had no core (second field of schedstat).

    Zero where the kernel does not count it: then nothing is called contended.
    """
    try:
        return int(SCHEDULER.read_bytes().split()[1]) * 1e-9
    except (OSError, IndexError, ValueError):
        return 0.0


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
