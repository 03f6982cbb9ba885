"""The GPU exporter: what NVML says of each device, as Prometheus series."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exporters.gpu.config import GpuSection
    from exporters.gpu.exporter import GpuExporter
    from exporters.gpu.server import serve

__all__ = ["GpuExporter", "GpuSection", "serve"]

_HOMES = {"GpuExporter": "exporter", "GpuSection": "config", "serve": "server"}
"""Loaded when asked for: the config needs no driver, the serving process no pydantic."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
