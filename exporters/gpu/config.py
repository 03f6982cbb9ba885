"""Config of the GPU exporter: the section [gpu]."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from exporters.gpu.settings import KUBELET
from exporters.settings import HttpUrl, Section


class GpuSection(Section):
    """Where to listen, how often to read the driver, under which names to tell it, and to whom."""

    host: str = "127.0.0.1"
    port: int = Field(default=9835, ge=0, le=65535)
    interval_seconds: float = Field(default=1.0, ge=0.05, le=300)
    nvml_library: Path | None = None
    """A libnvidia-ml.so.1 other than the system's."""
    expected_devices: int | None = Field(default=None, ge=0, le=1024)
    """How many there should be; without it, the most that were ever seen."""
    names: Literal["busysignal", "dcgm"] = "busysignal"
    """Our own names, or those of dcgm-exporter for dashboards that read them."""
    web_config: Path | None = None
    """TLS and passwords, in the format of the Prometheus exporter toolkit."""
    pod_resources: Path = KUBELET
    """The kubelet's PodResources socket; where there is none, containers stay without names."""
    otlp_url: HttpUrl | None = None
    """An OTLP/HTTP endpoint for metrics, such as http://127.0.0.1:4318/v1/metrics."""
    otlp_interval_seconds: float = Field(default=15.0, ge=0.5, le=3600)
    otlp_headers_file: Path | None = None
    """Lines of `Name: value` sent with every export, such as an Authorization."""
