"""The probe as a process of its own, or once for a person at a shell."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import torch

from exporters import exposition
from exporters.errors import BusySignalError
from inference_probe.baseline import Baseline
from inference_probe.config import ProbeSection
from inference_probe.cuda import CudaDevice
from inference_probe.device import Device, HostDevice
from inference_probe.exporter import ProbeExporter
from inference_probe.history import KernelHistory
from inference_probe.kernels import Kernel
from inference_probe.kernels.suite import Suite, make_kernels
from inference_probe.loop import Loop, Page
from inference_probe.opening import open_devices
from inference_probe.pacing import Pacer
from inference_probe.pause import Pause
from inference_probe.peaks import Peak, peak_of
from inference_probe.probe import Probe
from inference_probe.report import DeviceReport
from inference_probe.shapes import presets
from inference_probe.state import AssumedIdle
from inference_probe.timing import Bench

log = logging.getLogger(__name__)

ONCE_ROUNDS: Final = 30


@dataclass(frozen=True, slots=True)
class DeviceLook:
    """One look at a device: who it is and what its kernels took."""

    device: str
    kind: str
    name: str
    uuid: str
    sharing: str
    torch: str
    shapes: str
    probe: DeviceReport

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as JSON wants it."""
        return asdict(self)


def measure_once(section: ProbeSection, *, rounds: int = ONCE_ROUNDS) -> list[DeviceLook]:
    """Run `rounds` rounds on each device and report; a known baseline gives the slowdown."""
    found = []
    for where in open_devices(section.device):
        probe = prepare(section, where)
        for _ in range(rounds):
            probe.round()
        found.append(
            DeviceLook(
                device=where.label,
                kind=where.kind,
                name=where.name,
                uuid=where.uuid,
                sharing=str(where.sharing),
                torch=torch.__version__,
                shapes=shapes_for(section, where),
                probe=probe.report(),
            )
        )
    return found


def serve(
    section: ProbeSection,
    *,
    announce: Callable[[str], object] | None = None,
    beside: Sequence[exposition.Source] = (),
) -> None:
    """Serve /metrics and keep probing until SIGINT or SIGTERM; `beside` share the page.

    Raises UsageError for a device that is not there, a port that is taken or a web config that
    cannot be used.
    """
    devices = open_devices(section.device)
    exporter = ProbeExporter(devices)
    loops = [Loop(prepare(section, one), exporter, section.interval_seconds) for one in devices]
    page = Page(exporter, loops)
    try:
        for loop in loops:
            loop.start()
        exposition.serve(
            [page, *beside],
            section.host,
            section.port,
            ready=page.is_fresh,
            announce=announce,
            web_config=section.web_config,
        )
    finally:
        for loop in loops:
            loop.close()


def prepare(section: ProbeSection, where: Device) -> Probe:
    """Allocate and warm up every kernel on a device, load what is normal there.

    Raises BusySignalError where the kernels do not fit or do not run.
    """
    baseline = Baseline(
        section.baseline_file, _key(section, where), samples=section.baseline_samples
    )
    if section.assume_idle:
        where.state = AssumedIdle(where.state)
    suites: list[Suite] = []
    try:
        where.time(lambda: suites.append(_suite(section, where)))  # on the device's own stream
        suite = suites[0]
        benches = [_bench(kernel, where, baseline) for kernel in suite.kernels]
    except RuntimeError as error:  # torch's own base for a device that refuses
        reason = str(error).strip().partition("\n")[0]
        raise BusySignalError(
            f"kernels of shapes {shapes_for(section, where)!r} do not run on {where.label} "
            f"({where.name}): {reason}; choose smaller [probe] shapes or another device"
        ) from None
    _keep_within(section.memory_bytes, where, suite)
    peak = _peak(where)
    return Probe(
        where,
        [KernelHistory(bench, baseline, section.window_samples, peak) for bench in benches],
        Pacer(section.interval_seconds, section.duty_ratio),
        hold_back=Pause(section.pause).reason,
        absent=suite.absent,
    )


def shapes_for(section: ProbeSection, where: Device) -> str:
    """The preset's name, with auto resolved for the device."""
    if section.shapes != "auto":
        return section.shapes
    return "tiny" if where.kind != "cuda" else "7b"


def _suite(section: ProbeSection, where: Device) -> Suite:
    shapes = presets()[shapes_for(section, where)]
    return make_kernels(shapes, where, section.kernels, all_reduce=section.all_reduce)


def _bench(kernel: Kernel, where: Device, baseline: Baseline) -> Bench:
    # Another CPU of the same name may add in another order: only a GPU's results are kept.
    kept = baseline.golden(kernel.name) if where.kind == "cuda" else []
    bench = Bench(kernel, where, kept)
    if kept and bench.made != kept:
        log.error("%s: %s does not give the results it gave before", where.label, kernel.name)
    if where.kind == "cuda" and bench.made and not kept:
        baseline.keep_golden(kernel.name, bench.made)
    return bench


def _key(section: ProbeSection, where: Device) -> str:
    """All that times and results depend on: the device's identity, and every size of the shapes."""
    name = shapes_for(section, where)
    sizes = hashlib.sha256(presets()[name].model_dump_json().encode()).hexdigest()
    return f"{where.identity}, shapes {name} {sizes[:8]}"


def _keep_within(limit: int, where: Device, suite: Suite) -> None:
    held = where.memory_bytes() or suite.arena.bytes
    if held > limit:
        raise BusySignalError(
            f"the kernels hold {held:,} bytes on {where.label}; [probe] memory_bytes allows "
            f"{limit:,}; raise it, choose smaller shapes, or name fewer kernels"
        )


def _peak(where: Device) -> Peak | None:
    """The datasheet's figures; of a device of your own making what it says itself."""
    if isinstance(where, CudaDevice):
        return peak_of(where.name, where.processors)
    return where.peak if isinstance(where, HostDevice) else None
