"""Simulated GPUs for this folder's tests, and exporters that read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporters.gpu import GpuExporter
from exporters.gpu.nvml import Nvml
from tests.devices import machine, nvml_library, scenario
from tests.exporters.gpu.pages import Clock

__all__ = ["clock", "machine", "nvml_library", "scenario", "watch"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(nvml_library: Path, clock: Clock) -> Iterator[Callable[..., GpuExporter]]:
    """Make an exporter on what the environment names; every pass of it is a full one."""
    ends: list[Callable[[], object]] = []

    def make(**options: object) -> GpuExporter:
        nvml = Nvml(nvml_library)
        chosen = {"clock": clock, "slow_seconds": 0.0} | options
        exporter = GpuExporter(nvml, **chosen)  # type: ignore[arg-type]
        ends.append(lambda: exporter.close() and nvml.close())
        return exporter

    yield make
    for end in ends:
        end()
