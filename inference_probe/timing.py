"""How long one launch really takes: batches past the clock's resolution, warm, checked."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import torch

from inference_probe.kernels import Kernel

WARM_UP_LAUNCHES: Final = 3
MAX_BATCH: Final = 1000
PREEMPTED_RATIO: Final = 1.05
"""Wall time over CPU time from which a batch was interrupted by other work."""
TOLERANCE: Final = 1e-6
"""Relative error of a fingerprint: equal inputs give equal bits on a healthy device."""

Work = Callable[[], None]
IsBusy = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that passed, seconds of the device they cost, and whether other work ran on it."""

    seconds: float
    busy_seconds: float
    contended: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one kernel: seconds per launch, and seconds it cost the device."""

    seconds: float
    busy_seconds: float
    contended: bool
    correct: bool


class Timer(Protocol):
    """Runs work on a device and says how long the device took."""

    min_batch_seconds: float
    """A batch shorter than this drowns in the clock's resolution and the launch gap."""

    def time(self, work: Work) -> Timing: ...


class HostTimer:
    """The monotonic clock; the thread's CPU time tells whether it was interrupted."""

    min_batch_seconds = 0.5e-3

    def time(self, work: Work) -> Timing:
        cpu, wall = time.thread_time(), time.perf_counter()
        work()
        wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
        return Timing(wall, busy_seconds=cpu, contended=wall > cpu * PREEMPTED_RATIO)


class CudaTimer:
    """CUDA events on a low-priority stream of its own; nothing else on the device waits for it."""

    min_batch_seconds = 0.2e-3

    def __init__(self, device: torch.device, is_busy: IsBusy) -> None:
        self._is_busy = is_busy
        # torch leaves these constructors untyped
        self._stream = torch.cuda.Stream(device, priority=0)  # type: ignore[no-untyped-call]
        self._began = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        self._ended = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]

    def time(self, work: Work) -> Timing:
        contended = self._is_busy()
        with torch.cuda.stream(self._stream):
            self._began.record(self._stream)
            work()
            self._ended.record(self._stream)
        self._ended.synchronize()
        seconds = self._began.elapsed_time(self._ended) / 1000
        return Timing(seconds, busy_seconds=seconds, contended=contended)


class Bench:
    """One kernel ready to be sampled: warm, its batch sized, its right results known."""

    def __init__(self, kernel: Kernel, timer: Timer) -> None:
        self.kernel = kernel
        self._timer = timer
        self._turn = 0
        self._expected = [self._result_of(turn) for turn in range(kernel.inputs)]
        warm = [timer.time(lambda: self._launch(1)) for _ in range(WARM_UP_LAUNCHES)]
        self.warm_up_seconds = sum(timing.busy_seconds for timing in warm)
        fastest = min(timing.seconds for timing in warm)
        self.batch = _batch_size(fastest, timer.min_batch_seconds)

    def sample(self) -> Sample:
        """Time one batch, after one launch that brings clocks and code back."""
        first = self._timer.time(lambda: self._launch(1))
        timing = self._timer.time(lambda: self._launch(self.batch))
        return Sample(
            seconds=timing.seconds / self.batch,
            busy_seconds=first.busy_seconds + timing.busy_seconds,
            contended=timing.contended,
            correct=self._is_correct(),
        )

    def _launch(self, times: int) -> None:
        launch, inputs = self.kernel.launch, self.kernel.inputs
        for _ in range(times):
            self._turn = (self._turn + 1) % inputs
            launch(self._turn)

    def _result_of(self, turn: int) -> float:
        self.kernel.launch(turn)
        return self.kernel.fingerprint()

    def _is_correct(self) -> bool:
        found, expected = self.kernel.fingerprint(), self._expected[self._turn]
        return math.isclose(found, expected, rel_tol=TOLERANCE)


def _batch_size(seconds: float, min_batch_seconds: float) -> int:
    if seconds <= 0:  # too short for the clock to see at all
        return MAX_BATCH
    return min(max(math.ceil(min_batch_seconds / seconds), 1), MAX_BATCH)
