"""What the serving process is told: plain values that have been checked at the door.

The door is the section [gpu] (`config.py`); pydantic stays outside, which saves 12 MiB here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

OUR_NAMES: Final = "busysignal"
DCGM_NAMES: Final = "dcgm"

KUBELET: Final = Path("/var/lib/kubelet/pod-resources/kubelet.sock")
"""Where the kubelet serves its PodResources API."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The fields of the section [gpu], each of the same name."""

    host: str = "127.0.0.1"
    port: int = 9835
    interval_seconds: float = 1.0
    nvml_library: Path | None = None
    expected_devices: int | None = None
    names: str = OUR_NAMES
    web_config: Path | None = None
    pod_resources: Path = KUBELET
    otlp_url: str | None = None
    otlp_interval_seconds: float = 15.0
    otlp_headers_file: Path | None = None

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Take over what `GpuSection.model_dump_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        for name in ("nvml_library", "web_config", "pod_resources", "otlp_headers_file"):
            if values.get(name) is not None:
                values[name] = Path(values[name])
        return cls(**values)
