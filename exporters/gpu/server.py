"""The GPU exporter as a process of its own."""

from __future__ import annotations

from collections.abc import Callable

from exporters import exposition
from exporters.gpu.config import GpuSection
from exporters.gpu.exporter import GpuExporter
from exporters.gpu.nvml import Nvml


def serve(section: GpuSection, *, announce: Callable[[str], object] | None = None) -> None:
    """Serve /metrics until SIGINT or SIGTERM; `announce` is told the address.

    Raises ServerMissingError without a driver, UsageError when the port is taken.
    """
    nvml = Nvml(section.nvml_library)
    exporter = GpuExporter(nvml, interval_seconds=section.interval_seconds)
    try:
        exporter.start()
        exposition.serve(
            [exporter], section.host, section.port, ready=exporter.is_fresh, announce=announce
        )
    finally:
        if exporter.close():
            nvml.close()
