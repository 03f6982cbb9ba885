"""How long one launch really takes: batches past the clock's resolution, warm, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Final

from inference_probe.device import Device
from inference_probe.kernels import Kernel

WARM_UP_LAUNCHES: Final = 3
MAX_BATCH: Final = 1000
TOLERANCE: Final = 1e-6
"""Relative error of a fingerprint: equal inputs give equal bits on a healthy device."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one kernel: seconds per launch, and seconds it cost the device."""

    seconds: float
    busy_seconds: float
    contended: bool
    correct: bool


class Bench:
    """One kernel ready to be sampled: warm, its batch sized, its right results known."""

    def __init__(self, kernel: Kernel, device: Device) -> None:
        self.kernel = kernel
        self._device = device
        self._turn = 0
        self._expected = [self._result_of(turn) for turn in range(kernel.inputs)]
        warm = [device.time(lambda: self._launch(1)) for _ in range(WARM_UP_LAUNCHES)]
        self.warm_up_seconds = sum(timing.busy_seconds for timing in warm)
        fastest = min(timing.seconds for timing in warm)
        self.batch = _batch_size(fastest, device.min_batch_seconds)

    def sample(self) -> Sample:
        """Time one batch, after one launch that brings clocks and code back."""
        first = self._device.time(lambda: self._launch(1))
        timing = self._device.time(lambda: self._launch(self.batch))
        return Sample(
            seconds=timing.seconds / self.batch,
            busy_seconds=first.busy_seconds + timing.busy_seconds,
            contended=timing.contended,
            correct=self._is_correct(),
        )

    def _launch(self, times: int) -> None:
        kernel, run = self.kernel, self._device.run
        for _ in range(times):
            self._turn = (self._turn + 1) % kernel.inputs
            run(partial(kernel.launch, self._turn), kernel.cost)

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
