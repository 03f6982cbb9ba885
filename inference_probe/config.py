"""Config of the kernel probe: the section [probe]."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field

from exporters.settings import Section
from inference_probe.canary.config import CanarySection

KernelName = Literal[
    "gemm_prefill", "gemm_decode_1", "gemm_decode_8", "gemm_decode_64", "attention_prefill",
    "attention_decode", "norm_activation", "embedding_gather", "device_copy", "launch_latency",
    "gemm_prefill_fp8", "graph_replay", "copy_host_to_device", "copy_device_to_host",
    "all_reduce_small", "all_reduce_large",
]  # fmt: skip


def default_baseline_file() -> Path:
    """Where state belongs by the XDG base directory specification."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "busysignal" / "kernel-baseline.json"


class PauseSection(Section):
    """When to leave rounds out because the service is saturated; by default never."""

    above_utilization: float | None = Field(default=None, ge=0, le=1)
    """Utilisation, by NVML, above which the device is left alone."""
    url: str | None = Field(default=None, pattern=r"^https?://[^/]+(/.*)?$")
    """A metrics page (ending in /metrics), or the address of a Prometheus."""
    query: str = "vllm:num_requests_waiting"
    """On a page: the series whose samples are added; in Prometheus: a query, its highest value."""
    above: float = 0.0


class ProbeSection(Section):
    """Where to listen, what to run, how often, and how much of the device to take."""

    host: str = "127.0.0.1"
    port: int = Field(default=9836, ge=0, le=65535)
    web_config: Path | None = None
    """TLS and passwords, in the format of the Prometheus exporter toolkit."""
    interval_seconds: float = Field(default=10.0, ge=0.1, le=3600)
    duty_ratio: float = Field(default=0.001, gt=0, le=0.1)
    """At most this share of the device's time goes to the probe once it is warm."""
    memory_bytes: int = Field(default=400_000_000, ge=1_000_000)
    """At most this much of the device's memory goes to tensors and workspaces."""
    shapes: Literal["auto", "tiny", "7b", "70b", "671b-moe"] = "auto"
    """Model whose shapes the kernels take; auto is tiny on a CPU, 7b on a GPU."""
    kernels: tuple[KernelName, ...] = ()
    """Those to run; all that the device can, if none is named."""
    all_reduce: bool = False
    """Whether to sum over all GPUs of the node, too."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?|[\w.]+:[A-Za-z_]\w*)$")
    """auto, cpu, cuda (every GPU), cuda:N, or module:factory for devices of your own making."""
    assume_idle: bool = False
    """Whether a device that cannot say its utilisation (a MIG slice) is taken for idle."""
    window_samples: int = Field(default=100, ge=10, le=10_000)
    """Samples that p50 and p99 look back over."""
    baseline_samples: int = Field(default=60, ge=5, le=10_000)
    """Good samples that become the baseline; the stated false-alarm rate holds from 60 on."""
    baseline_file: Path = Field(default_factory=default_baseline_file)
    pause: PauseSection = PauseSection()
    canary: CanarySection = CanarySection()
    """Endpoints to ask beside the kernels."""
