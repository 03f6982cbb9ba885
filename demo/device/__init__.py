"""A GPU for machines that have none: replicas report their load, NVML's real ABI tells it."""

from demo.device.scenario import SCENARIO_VARIABLE, absent_symbols, scenario_file
from demo.device.shim import build_shim
from demo.device.state import STATE_VARIABLE, SimulatedGpu, ThrottleReason

__all__ = [
    "SCENARIO_VARIABLE",
    "STATE_VARIABLE",
    "SimulatedGpu",
    "ThrottleReason",
    "absent_symbols",
    "build_shim",
    "scenario_file",
]
