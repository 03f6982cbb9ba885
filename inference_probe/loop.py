"""One probing thread per device, and what may be told of it: nothing outlives its freshness."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from inference_probe.exporter import ProbeExporter
from inference_probe.probe import Probe, run

log = logging.getLogger(__name__)

Clock = Callable[[], float]

STALE_INTERVALS: Final = 3
"""A round this many intervals late, and at least STALE_SECONDS, means a device that hangs."""
STALE_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 5.0


class Loop:
    """Probes one device. One that fails ends the thread; one that hangs holds it until it exits."""

    def __init__(
        self,
        probe: Probe,
        exporter: ProbeExporter,
        interval_seconds: float,
        clock: Clock = time.monotonic,
    ) -> None:
        self._probe = probe
        self._exporter = exporter
        self._device = probe.device.label
        self._clock = clock
        self._patience = max(STALE_INTERVALS * interval_seconds, STALE_SECONDS)
        self._due = clock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"probe {self._device}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_fresh(self) -> bool:
        """Whether the thread lives and no round is overdue."""
        return self._thread.is_alive() and self._clock() - self._due <= self._patience

    def withdraw_if_stale(self) -> None:
        """Of a device that hangs, tell no old measurement."""
        if not self.is_fresh():
            self._exporter.withdraw(self._device)

    def close(self) -> None:
        """Stop; a call to the device that hangs is left to end with the process."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            log.error("%s did not return from a kernel within %g s", self._device, CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            run(self._probe, after_round=self._publish, stop=self._stop, wait=self._rest)
        except Exception:  # a broken CUDA context cannot be used again in this process
            log.exception("the probe of %s failed; restart it once it is back", self._device)
            self._exporter.withdraw(self._device)

    def _rest(self, seconds: float) -> None:
        self._due = self._clock() + seconds
        self._stop.wait(seconds)

    def _publish(self) -> None:
        self._exporter.publish(self._device, self._probe.report())


class Page:
    """The exporter's page, without the measurements of devices that hang."""

    def __init__(self, exporter: ProbeExporter, loops: list[Loop]) -> None:
        self._exporter = exporter
        self._loops = loops

    def is_fresh(self) -> bool:
        """Whether every device answers."""
        return all(loop.is_fresh() for loop in self._loops)

    def collect_text(self) -> str:
        for loop in self._loops:
            loop.withdraw_if_stale()
        return self._exporter.collect_text()
