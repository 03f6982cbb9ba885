"""The GPU exporter: what NVML says of each device, as Prometheus series."""

from __future__ import annotations

from exporters.gpu.config import GpuSection
from exporters.gpu.exporter import GpuExporter
from exporters.gpu.server import serve

__all__ = ["GpuExporter", "GpuSection", "serve"]
