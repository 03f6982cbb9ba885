"""The probe as a process of its own, or once for a person at a shell."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import torch

from exporters import exposition
from exporters.errors import BusySignalError
from inference_probe.baseline import Baseline
from inference_probe.config import ProbeSection
from inference_probe.device import Surroundings, open_device
from inference_probe.exporter import ProbeExporter
from inference_probe.kernels import PRESETS, make_kernels
from inference_probe.probe import KernelReport, Probe, run
from inference_probe.timing import Bench

log = logging.getLogger(__name__)

Clock = Callable[[], float]

ONCE_ROUNDS: Final = 30
STALE_INTERVALS: Final = 3
"""A round this many intervals late, and at least STALE_SECONDS, means a device that hangs."""
STALE_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class OnceReport:
    """One look at a device: who it is and what its kernels took."""

    device: str
    name: str
    torch: str
    shapes: str
    busy_seconds: float
    kernels: list[KernelReport]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as JSON wants it."""
        return asdict(self)


def measure_once(section: ProbeSection, *, rounds: int = ONCE_ROUNDS) -> OnceReport:
    """Run `rounds` rounds at once and report; a known baseline gives the slowdown."""
    where, probe = prepare(section)
    for _ in range(rounds):
        probe.round()
    return OnceReport(
        device=where.label,
        name=where.name,
        torch=torch.__version__,
        shapes=shapes_for(section, where),
        busy_seconds=probe.busy_seconds,
        kernels=probe.report(),
    )


def serve(section: ProbeSection, *, announce: Callable[[str], object] | None = None) -> None:
    """Serve /metrics and keep probing until SIGINT or SIGTERM.

    Raises UsageError for a device that is not there or a port that is taken.
    """
    where, probe = prepare(section)
    exporter = ProbeExporter(where.label, where.name, torch.__version__)
    loop = _Loop(section, probe, exporter, time.monotonic)
    try:
        loop.start()
        exposition.serve([loop], section.host, section.port, ready=loop.is_fresh, announce=announce)
    finally:
        loop.close()


def prepare(section: ProbeSection) -> tuple[Surroundings, Probe]:
    """Choose the device, allocate and warm up every kernel, load what is normal."""
    where = open_device(section.device)
    shapes = shapes_for(section, where)
    try:
        kernels = make_kernels(PRESETS[shapes], where.device, where.dtype)
        benches = [Bench(kernel, where.timer) for kernel in kernels]
    except RuntimeError as error:  # torch's own base for a device that refuses
        reason = str(error).strip().partition("\n")[0]
        raise BusySignalError(
            f"kernels of shapes {shapes!r} do not run on {where.label} ({where.name}): {reason}; "
            "choose smaller [probe] shapes or another device"
        ) from None
    key = f"{where.identity}, shapes {shapes}"
    baseline = Baseline(section.baseline_file, key, samples=section.baseline_samples)
    return where, Probe(benches, baseline, window=section.window_samples)


def shapes_for(section: ProbeSection, where: Surroundings) -> str:
    """The preset's name, with auto resolved for the device."""
    if section.shapes != "auto":
        return section.shapes
    return "tiny" if where.device.type == "cpu" else "7b"


class _Loop:
    """The probing thread, and what may be told of it: nothing measured outlives its freshness.

    A device that fails ends the thread; one whose call never returns holds it until it exits.
    """

    def __init__(
        self, section: ProbeSection, probe: Probe, exporter: ProbeExporter, clock: Clock
    ) -> None:
        self._section = section
        self._probe = probe
        self._exporter = exporter
        self._clock = clock
        self._patience = max(STALE_INTERVALS * section.interval_seconds, STALE_SECONDS)
        self._due = clock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kernel-probe", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_fresh(self) -> bool:
        """Whether the thread lives and no round is overdue."""
        return self._thread.is_alive() and self._clock() - self._due <= self._patience

    def collect_text(self) -> str:
        """The exporter's page; of a device that hangs, no old measurement."""
        if not self.is_fresh():
            self._exporter.withdraw()
        return self._exporter.collect_text()

    def close(self) -> None:
        """Stop; a call to the device that hangs is left to end with the process."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            log.error("the device did not return from a kernel within %g s", CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            run(
                self._probe,
                interval_seconds=self._section.interval_seconds,
                duty_ratio=self._section.duty_ratio,
                after_round=self._publish,
                stop=self._stop,
                wait=self._rest,
            )
        except Exception:  # a broken CUDA context cannot be used again in this process
            log.exception("the probe failed; restart it once the device is back")
            self._exporter.withdraw()

    def _rest(self, seconds: float) -> None:
        self._due = self._clock() + seconds
        self._stop.wait(seconds)

    def _publish(self) -> None:
        self._exporter.publish(self._probe.report(), self._probe.busy_seconds)
