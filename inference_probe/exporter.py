"""What the probe measured, as Prometheus series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from exporters.catalog import probe as signals
from exporters.catalog.signal import Gauge
from exporters.exposition import Registry
from inference_probe.probe import KernelReport

GAUGES: Final[dict[Gauge, Callable[[KernelReport], float | None]]] = {
    signals.PROBE_P50: lambda report: report.p50,
    signals.PROBE_P99: lambda report: report.p99,
    signals.PROBE_FLOPS: lambda report: report.flops_per_second,
    signals.PROBE_BYTES: lambda report: report.bytes_per_second,
    signals.PROBE_SLOWDOWN: lambda report: report.slowdown,
}


class ProbeExporter:
    """The series of one device's probe."""

    def __init__(self, device: str, name: str, torch_version: str) -> None:
        self._device = device
        self._registry = Registry()
        self._registry.gauge(signals.PROBE_INFO).set(1, device, name, torch_version)

    def collect_text(self) -> str:
        return self._registry.collect_text()

    def publish(self, reports: Sequence[KernelReport], busy_seconds: float) -> None:
        """Make the series say what `reports` say; what is not known ends."""
        for signal, value_of in GAUGES.items():
            found = {report.kernel: value_of(report) for report in reports}
            self._registry.gauge(signal).replace(
                {(self._device, name): value for name, value in found.items() if value is not None}
            )
        samples = self._registry.counter(signals.PROBE_SAMPLES)
        wrong = self._registry.counter(signals.PROBE_WRONG)
        for report in reports:
            samples.set_total(report.idle, self._device, report.kernel, "idle")
            samples.set_total(report.contended, self._device, report.kernel, "contended")
            wrong.set_total(report.wrong, self._device, report.kernel)
        self._registry.counter(signals.PROBE_BUSY).set_total(busy_seconds, self._device)

    def withdraw(self) -> None:
        """End every measured series: nothing is measured any more."""
        for signal in GAUGES:
            self._registry.gauge(signal).clear()
