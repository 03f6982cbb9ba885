"""The probe as a process of its own, or once for a person at a shell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import torch

from exporters import exposition
from exporters.errors import BusySignalError
from inference_probe.baseline import Baseline
from inference_probe.config import ProbeSection
from inference_probe.device import Device
from inference_probe.exporter import ProbeExporter
from inference_probe.kernels import PRESETS, make_kernels
from inference_probe.loop import Loop, Page
from inference_probe.opening import open_devices
from inference_probe.probe import KernelReport, Probe
from inference_probe.timing import Bench

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
    """Run `rounds` rounds on the first device and report; a known baseline gives the slowdown."""
    where = open_devices(section.device)[0]
    probe = prepare(section, where)
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


def serve(
    section: ProbeSection,
    *,
    announce: Callable[[str], object] | None = None,
    beside: Sequence[exposition.Source] = (),
) -> None:
    """Serve /metrics and keep probing until SIGINT or SIGTERM; `beside` share the page.

    Raises UsageError for a device that is not there or a port that is taken.
    """
    devices = open_devices(section.device)
    exporter = ProbeExporter(devices)
    loops = [Loop(section, prepare(section, one), exporter, one.label) for one in devices]
    page = Page(exporter, loops)
    try:
        for loop in loops:
            loop.start()
        exposition.serve(
            [page, *beside], section.host, section.port, ready=page.is_fresh, announce=announce
        )
    finally:
        for loop in loops:
            loop.close()


def prepare(section: ProbeSection, where: Device) -> Probe:
    """Allocate and warm up every kernel on a device, load what is normal there."""
    shapes = shapes_for(section, where)
    try:
        kernels = make_kernels(PRESETS[shapes], where.torch_device, where.dtype)
        benches = [Bench(kernel, where) for kernel in kernels]
    except RuntimeError as error:  # torch's own base for a device that refuses
        reason = str(error).strip().partition("\n")[0]
        raise BusySignalError(
            f"kernels of shapes {shapes!r} do not run on {where.label} ({where.name}): {reason}; "
            "choose smaller [probe] shapes or another device"
        ) from None
    key = f"{where.identity}, shapes {shapes}"
    baseline = Baseline(section.baseline_file, key, samples=section.baseline_samples)
    return Probe(benches, baseline, window=section.window_samples)


def shapes_for(section: ProbeSection, where: Device) -> str:
    """The preset's name, with auto resolved for the device."""
    if section.shapes != "auto":
        return section.shapes
    return "tiny" if where.kind != "cuda" else "7b"
