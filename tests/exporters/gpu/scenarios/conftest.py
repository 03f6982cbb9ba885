"""Simulated GPUs for this folder's tests."""

from tests.devices import nvml_library, scenario

__all__ = ["nvml_library", "scenario"]
