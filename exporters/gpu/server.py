"""The GPU exporter as a process of its own."""

from __future__ import annotations

from collections.abc import Callable

from exporters import exposition
from exporters.gpu.exporter import GpuExporter
from exporters.gpu.nvml import Nvml
from exporters.gpu.settings import Settings


def serve(settings: Settings, *, announce: Callable[[str], object] | None = None) -> None:
    """Serve /metrics until SIGINT or SIGTERM; `announce` is told the address.

    Raises ServerMissingError without a driver, UsageError when the port is taken or the web config
    cannot be used.
    """
    nvml = Nvml(settings.nvml_library)
    exporter = GpuExporter(nvml, interval_seconds=settings.interval_seconds)
    try:
        exporter.start()
        exposition.serve(
            [exporter],
            settings.host,
            settings.port,
            ready=exporter.is_fresh,
            announce=announce,
            web_config=settings.web_config,
        )
    finally:
        if exporter.close():
            nvml.close()
