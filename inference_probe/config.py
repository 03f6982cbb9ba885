"""Config of the kernel probe: the section [probe]."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field

from exporters.settings import Section
from inference_probe.canary.config import CanarySection


def default_baseline_file() -> Path:
    """Where state belongs by the XDG base directory specification."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "busysignal" / "kernel-baseline.json"


class ProbeSection(Section):
    """Where to listen, what to run, how often, and how much of the device to take."""

    host: str = "127.0.0.1"
    port: int = Field(default=9836, ge=0, le=65535)
    interval_seconds: float = Field(default=10.0, ge=0.1, le=3600)
    duty_ratio: float = Field(default=0.001, gt=0, le=0.1)
    """At most this share of the device's time goes to the probe once it is warm."""
    shapes: Literal["auto", "tiny", "7b", "70b"] = "auto"
    """Model whose shapes the kernels take; auto is tiny on a CPU, 7b on a GPU."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?|[\w.]+:[A-Za-z_]\w*)$")
    """auto, cpu, cuda (every GPU), cuda:N, or module:factory for devices of your own making."""
    window_samples: int = Field(default=100, ge=10, le=10_000)
    """Samples that p50 and p99 look back over."""
    baseline_samples: int = Field(default=30, ge=5, le=10_000)
    """Good samples whose median becomes the baseline."""
    baseline_file: Path = Field(default_factory=default_baseline_file)
    canary: CanarySection = CanarySection()
    """Endpoints to ask beside the kernels."""
