"""The probe as a process of its own, or once for a person at a shell."""

from __future__ import annotations

import logging
import threading
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

ONCE_ROUNDS: Final = 30


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
    loop = _Loop(section, probe, exporter)
    try:
        loop.start()
        exposition.serve(
            [exporter], section.host, section.port, ready=loop.is_running, announce=announce
        )
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
    """The probing thread; a device that fails ends it, and the series with it."""

    def __init__(self, section: ProbeSection, probe: Probe, exporter: ProbeExporter) -> None:
        self._section = section
        self._probe = probe
        self._exporter = exporter
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kernel-probe", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_running(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            run(
                self._probe,
                interval_seconds=self._section.interval_seconds,
                duty_ratio=self._section.duty_ratio,
                after_round=self._publish,
                stop=self._stop,
            )
        except RuntimeError:  # a broken CUDA context cannot be used again in this process
            log.exception("the device failed; restart the probe once it is back")
            self._exporter.withdraw()

    def _publish(self) -> None:
        self._exporter.publish(self._probe.report(), self._probe.busy_seconds)
