"""The probe's loop over one device: sample every kernel, keep to the duty, hold back if asked."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from inference_probe.device import Device
from inference_probe.history import KernelHistory
from inference_probe.pacing import Pacer
from inference_probe.report import DeviceReport
from inference_probe.state import Reading

TURN: Final = threading.Lock()
TURN_SECONDS: Final = 1.0
"""A device that hangs in its turn keeps the others waiting no longer than this."""

HoldBack = Callable[[Reading], str | None]


class Probe:
    """All kernels of one device, sampled in rounds."""

    def __init__(
        self,
        device: Device,
        histories: Sequence[KernelHistory],
        pacer: Pacer,
        *,
        hold_back: HoldBack = lambda _: None,
        absent: dict[str, str] | None = None,
    ) -> None:
        self.device = device
        self.pacer = pacer
        self.busy_seconds = sum(history.bench.warm_up_seconds for history in histories)
        self.histories = histories
        self._hold_back = hold_back
        self._absent = absent or {}
        self._throttled: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._clock_ratio: float | None = None

    def round(self) -> float:
        """Sample every kernel once, unless asked to hold back; return the seconds charged."""
        before = self.device.state.read()
        if reason := self._hold_back(before):
            self._skipped[reason] += 1
            return 0.0
        charged = 0.0
        for history in self.histories:
            with _turn():
                sample = history.take(before)
            charged += self.pacer.charge(history.name, sample.busy_seconds)
            self._throttled.update(sample.after.throttled_by or ())
            self._clock_ratio = sample.after.clock_ratio
        self.busy_seconds += charged
        return charged

    def report(self) -> DeviceReport:
        """What is known so far."""
        return DeviceReport(
            kernels=[
                history.report() for history in self.histories if any(history.counts.values())
            ],
            busy_seconds=self.busy_seconds,
            duty_ratio=self.pacer.duty,
            memory_bytes=self.device.memory_bytes(),
            clock_ratio=self._clock_ratio,
            throttled=dict(self._throttled),
            skipped=dict(self._skipped),
            absent=self._absent,
        )


def run(
    probe: Probe,
    *,
    after_round: Callable[[], object],
    stop: threading.Event,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], object] | None = None,
) -> None:
    """Round after round until `stop`, resting as long as the pacer asks for."""
    pause = wait or stop.wait
    while not stop.is_set():
        began = clock()
        charged = probe.round()
        period = max(probe.pacer.period(charged), clock() - began)
        probe.pacer.note(charged, period)
        after_round()
        pause(max(period - (clock() - began), 0.0))


@contextmanager
def _turn() -> Iterator[None]:
    # Two devices at once would fight for the interpreter, which shows in how fast they launch.
    mine = TURN.acquire(timeout=TURN_SECONDS)
    try:
        yield
    finally:
        if mine:
            TURN.release()
