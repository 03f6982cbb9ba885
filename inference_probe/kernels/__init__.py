"""The kernels of serving a transformer, each with its known cost and a result to check."""

from inference_probe.kernels.arena import Arena
from inference_probe.kernels.kernel import Bound, Kernel, checksum
from inference_probe.kernels.suite import make_kernels

__all__ = ["Arena", "Bound", "Kernel", "checksum", "make_kernels"]
