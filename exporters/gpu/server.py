"""The GPU exporter as a process of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from exporters import exposition
from exporters.gpu.attribution import Attribution, Places
from exporters.gpu.exporter import GpuExporter
from exporters.gpu.nvml import Nvml
from exporters.gpu.settings import Settings


def serve(settings: Settings, *, announce: Callable[[str], object] | None = None) -> None:
    """Serve /metrics until SIGINT or SIGTERM; `announce` is told the address.

    Raises ServerMissingError without a driver, or once it has gone for good; UsageError when the
    port is taken or the web config cannot be used.
    """
    nvml = Nvml(settings.nvml_library)
    stop = threading.Event()
    attribution = Attribution(Places(pod_resources=settings.pod_resources))
    exporter = GpuExporter(
        nvml,
        interval_seconds=settings.interval_seconds,
        expected_devices=settings.expected_devices,
        on_failure=stop.set,
        after_pass=attribution.observe,
    )
    attribution.follow(exporter.snapshot)
    try:
        exporter.start()
        attribution.start()
        exposition.serve(
            [exporter, attribution],
            settings.host,
            settings.port,
            ready=exporter.is_fresh,
            announce=announce,
            web_config=settings.web_config,
            stop=stop,
        )
    finally:
        attribution.close()
        if exporter.close():
            nvml.close()
    if exporter.failure is not None:
        raise exporter.failure
