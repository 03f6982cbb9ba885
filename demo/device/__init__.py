"""A GPU for machines that have none: replicas report their load, NVML's real ABI tells it."""

from demo.device.shim import build_shim
from demo.device.state import STATE_VARIABLE, SimulatedGpu, ThrottleReason

__all__ = ["STATE_VARIABLE", "SimulatedGpu", "ThrottleReason", "build_shim"]
