"""The only package that knows pynvml: calls in, base units out, errors sorted by their meaning.

Wrapped: nvidia-ml-py 13. A value that NVML marks as not available is None, never a number.
"""

from __future__ import annotations

from exporters.gpu.nvml.driver import SIMULATION_MARKER, Nvml
from exporters.gpu.nvml.errors import (
    AbsentError,
    DeniedError,
    DriverChangedError,
    DriverGoneError,
    GpuLostError,
    NvmlError,
)
from exporters.gpu.nvml.events import EventSet
from exporters.gpu.nvml.library import Handle
from exporters.gpu.nvml.processes import Process, Usage

__all__ = [
    "SIMULATION_MARKER", "AbsentError", "DeniedError", "DriverChangedError", "DriverGoneError",
    "EventSet", "GpuLostError", "Handle", "Nvml", "NvmlError", "Process", "Usage",
]  # fmt: skip
