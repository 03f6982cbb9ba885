"""The GPU exporter: what NVML says of each device, as Prometheus series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters import lazy

if TYPE_CHECKING:
    from exporters.gpu.config import GpuSection
    from exporters.gpu.exporter import GpuExporter
    from exporters.gpu.server import serve
else:
    # The config needs no driver, the serving process no pydantic.
    __getattr__ = lazy.names(
        __name__, {"GpuExporter": "exporter", "GpuSection": "config", "serve": "server"}
    )

__all__ = ["GpuExporter", "GpuSection", "serve"]
