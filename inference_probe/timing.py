"""How long one launch really takes: batches past the clock's resolution, warm, checked."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from inference_probe.device import Device, Work
from inference_probe.kernels.kernel import Kernel
from inference_probe.state import Reading

log = logging.getLogger(__name__)

WARM_UP_LAUNCHES: Final = 3
MAX_BATCH: Final = 1000

Clocks = Literal["raised", "resting"]
"""Samples are compared with those at like clocks alone: an idle GPU's clocks are low."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one kernel: seconds per launch, and what they cost the device.

    `correct` is None for a kernel whose results do not repeat, which cannot be checked.
    """

    seconds: float
    busy_seconds: float
    contended: bool
    correct: bool | None
    clocks: Clocks = "raised"
    after: Reading = Reading()  # noqa: RUF009  a frozen value


class Bench:
    """One kernel ready to be sampled: warm, its batch sized, its right results known."""

    def __init__(self, kernel: Kernel, device: Device, golden: Sequence[int] = ()) -> None:
        """Take `golden` for the right results where this device gave them before."""
        self.kernel = kernel
        self._device = device
        self._turn = 0
        self.made = self._make_golden()
        self._golden = golden or self.made or ()
        warm = [device.time(self._launch) for _ in range(WARM_UP_LAUNCHES)]
        self.warm_up_seconds = sum(timing.busy_seconds for timing in warm)
        fastest = min(timing.seconds for timing in warm)
        self.batch = _batch_size(fastest, device.min_batch_seconds)
        self._captured = self._capture()
        self._captured_turn = self._turn

    def sample(self, before: Reading | None = None) -> Sample:
        """Time one batch, after one launch that brings clocks and code back.

        `before` is what the device said of itself while the probe rested.
        """
        device = self._device
        first = device.time(self._launch)
        timing = device.time(self.batch_work)
        after = device.state.read()
        if self._captured:
            self._turn = self._captured_turn
        correct, checking = self._check()
        busy = before is not None and device.kind == "cuda" and before.is_busy
        return Sample(
            seconds=timing.seconds / self.batch,
            busy_seconds=first.busy_seconds + timing.busy_seconds + checking,
            contended=timing.contended or busy,
            correct=correct,
            clocks="resting" if after.is_resting else "raised",
            after=after,
        )

    @property
    def batch_work(self) -> Work:
        """What is timed: `batch` launches, one after another or as one submission."""
        return self._captured or self._batch

    def _launch(self) -> None:
        self._turn = (self._turn + 1) % self.kernel.inputs
        self._device.run(partial(self.kernel.launch, self._turn), self.kernel.cost)

    def _batch(self) -> None:
        for _ in range(self.batch):
            self._launch()

    def _capture(self) -> Work | None:
        """The batch as one submission, over whole sweeps of the inputs: it repeats as captured."""
        inputs = self.kernel.inputs
        if not self.kernel.in_graph or self._device.kind != "cuda":
            return None
        self.batch = math.ceil(self.batch / inputs) * inputs
        return self._device.capture(self._batch)

    def _make_golden(self) -> list[int] | None:
        """The result of every input, made twice; a third time decides where the two differ."""
        found = [self._results(), self._results()]
        if found[0] != found[1]:
            found.append(self._results())
            log.error("%s gave %s different results on its first tries", self.kernel.name, found)
        repeated = [one for one in found if found.count(one) > 1]
        return repeated[0] if repeated else None

    def _results(self) -> list[int]:
        results: list[int] = []

        def launch_all() -> None:
            for turn in range(self.kernel.inputs):
                self.kernel.launch(turn)
                results.append(self.kernel.checksum())

        self._device.time(launch_all)
        return results

    def _check(self) -> tuple[bool | None, float]:
        """Whether the last output is right, and the device's seconds that it took to see."""
        if not self._golden:
            return None, 0.0
        found: list[int] = []
        timing = self._device.time(lambda: found.append(self.kernel.checksum()))
        return found[0] == self._golden[self._turn], timing.busy_seconds


def _batch_size(seconds: float, min_batch_seconds: float) -> int:
    if seconds <= 0:  # too short for the clock to see at all
        return MAX_BATCH
    return min(max(math.ceil(min_batch_seconds / seconds), 1), MAX_BATCH)
