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
from inference_probe.probe import KernelReport

GAUGES: Final[dict[Gauge, Callable[[KernelReport], float | None]]] = {
    signals.PROBE_P50: lambda report: report.p50,
    signals.PROBE_P99: lambda report: report.p99,
    signals.PROBE_FLOPS: lambda report: report.flops_per_second,
    signals.PROBE_BYTES: lambda report: report.bytes_per_second,
    signals.PROBE_SLOWDOWN: lambda report: report.slowdown,
}


class ProbeExporter:
    """The series of all probed devices; one thread per device publishes."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self._lock = Lock()
        self._known: dict[str, Sequence[KernelReport]] = {}
        self._registry = Registry()
        for device in devices:
            self._registry.gauge(signals.PROBE_INFO).set(
                1, device.label, device.name, torch.__version__
            )
            self._registry.gauge(signals.PROBE_DEVICE).set(
                1, device.label, device.kind, device.uuid
            )

    def collect_text(self) -> str:
        return self._registry.collect_text()

    def publish(self, device: str, reports: Sequence[KernelReport], busy_seconds: float) -> None:
        """Make the series of `device` say what `reports` say; what is not known ends."""
        with self._lock:
            self._known[device] = reports
            self._gauges()
        samples = self._registry.counter(signals.PROBE_SAMPLES)
        wrong = self._registry.counter(signals.PROBE_WRONG)
        for report in reports:
            samples.set_total(report.idle, device, report.kernel, "idle")
            samples.set_total(report.contended, device, report.kernel, "contended")
            wrong.set_total(report.wrong, device, report.kernel)
        self._registry.counter(signals.PROBE_BUSY).set_total(busy_seconds, device)

    def withdraw(self, device: str) -> None:
        """End every measured series of `device`: nothing is measured any more."""
        with self._lock:
            if self._known.pop(device, None) is not None:
                self._gauges()

    def _gauges(self) -> None:
        for signal, value_of in GAUGES.items():
            found = {
                (device, report.kernel): value_of(report)
                for device, reports in self._known.items()
                for report in reports
            }
            self._registry.gauge(signal).replace(
                {labels: value for labels, value in found.items() if value is not None}
            )
