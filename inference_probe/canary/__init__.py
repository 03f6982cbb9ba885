"""Asks endpoints for a short answer, as a user would, and checks every part of what comes back.

No torch in here: the canary runs beside the kernel probe or without it.
"""

from __future__ import annotations

from inference_probe.canary.config import CanarySection, TargetSection

__all__ = ["CanarySection", "TargetSection"]
