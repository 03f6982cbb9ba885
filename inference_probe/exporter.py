"""What the probe measured, as Prometheus series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

import torch

from exporters.catalog import probe as signals
from exporters.catalog.signal import Gauge
from exporters.exposition import Registry
from inference_probe.device import Device
from inference_probe.report import DeviceReport, KernelReport

OF_KERNELS: Final[dict[Gauge, Callable[[KernelReport], float | None]]] = {
    signals.PROBE_P50: lambda report: report.p50,
    signals.PROBE_P99: lambda report: report.p99,
    signals.PROBE_FLOPS: lambda report: report.flops_per_second,
    signals.PROBE_BYTES: lambda report: report.bytes_per_second,
    signals.PROBE_PEAK: lambda report: report.peak_fraction,
    signals.PROBE_BASELINE: lambda report: report.baseline,
    signals.PROBE_SLOWDOWN: lambda report: report.slowdown,
    signals.PROBE_CONTENTION: lambda report: report.contention,
    signals.PROBE_SLOW: lambda report: report.is_slow,
}
OF_DEVICES: Final[dict[Gauge, Callable[[DeviceReport], float | None]]] = {
    signals.PROBE_CLOCK: lambda report: report.clock_ratio,
    signals.PROBE_DUTY: lambda report: report.duty_ratio,
    signals.PROBE_MEMORY: lambda report: report.memory_bytes,
}


class ProbeExporter:
    """The series of all probed devices; one thread per device publishes."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self._lock = Lock()
        self._known: dict[str, DeviceReport] = {}
        self._registry = Registry()
        for one in devices:
            self._info(signals.PROBE_INFO, one.label, one.name, torch.__version__)
            self._info(signals.PROBE_DEVICE, one.label, one.kind, one.uuid)
            self._info(signals.PROBE_SHARING, one.label, one.sharing.mode, one.sharing.share)

    def collect_text(self) -> str:
        return self._registry.collect_text()

    def publish(self, device: str, report: DeviceReport) -> None:
        """Make the series of `device` say what `report` says; what is not known ends."""
        with self._lock:
            self._known[device] = report
            self._gauges()
        for kernel in report.kernels:
            self._info(signals.PROBE_KERNEL, device, kernel.kernel, kernel.bound)
            self._count(device, kernel)
        for name, reason in report.absent.items():
            self._info(signals.PROBE_ABSENT, device, name, reason)
        self._registry.counter(signals.PROBE_BUSY).set_total(report.busy_seconds, device)
        for signal, counts in (
            (signals.PROBE_THROTTLED, report.throttled),
            (signals.PROBE_SKIPPED, report.skipped),
        ):
            for reason, count in counts.items():
                self._registry.counter(signal).set_total(count, device, reason)

    def withdraw(self, device: str) -> None:
        """End every measured series of `device`: nothing is measured any more."""
        with self._lock:
            if self._known.pop(device, None) is not None:
                self._gauges()

    def _gauges(self) -> None:
        for signal, of_kernel in OF_KERNELS.items():
            found: dict[tuple[str, ...], float | None] = {
                (device, kernel.kernel): of_kernel(kernel)
                for device, report in self._known.items()
                for kernel in report.kernels
            }
            self._replace(signal, found)
        for signal, of_device in OF_DEVICES.items():
            self._replace(
                signal, {(device,): of_device(report) for device, report in self._known.items()}
            )

    def _replace(self, signal: Gauge, found: dict[tuple[str, ...], float | None]) -> None:
        self._registry.gauge(signal).replace(
            {labels: float(value) for labels, value in found.items() if value is not None}
        )

    def _info(self, signal: Gauge, *labels: str) -> None:
        self._registry.gauge(signal).set(1, *labels)

    def _count(self, device: str, kernel: KernelReport) -> None:
        samples = self._registry.counter(signals.PROBE_SAMPLES)
        samples.set_total(kernel.idle, device, kernel.kernel, "idle")
        samples.set_total(kernel.contended, device, kernel.kernel, "contended")
        self._registry.counter(signals.PROBE_WRONG).set_total(kernel.wrong, device, kernel.kernel)
