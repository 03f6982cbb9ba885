"""Simulated GPUs for this folder's tests."""

from tests.devices import machine, nvml_library, scenario

__all__ = ["machine", "nvml_library", "scenario"]
