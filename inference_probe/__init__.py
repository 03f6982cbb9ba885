"""Times kernels of known cost on the real device: a sick device told from a busy one.

Only this room and the demo's replica import torch, and only when the probe starts.
"""

from __future__ import annotations

from inference_probe.config import ProbeSection

__all__ = ["ProbeSection"]
