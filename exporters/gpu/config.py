"""Config of the GPU exporter: the section [gpu]."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from exporters.settings import Section


class GpuSection(Section):
    """Where to listen, how often to read the driver, which library to read it through."""

    host: str = "127.0.0.1"
    port: int = Field(default=9835, ge=0, le=65535)
    interval_seconds: float = Field(default=1.0, ge=0.05, le=300)
    nvml_library: Path | None = None
    """A libnvidia-ml.so.1 other than the system's."""
