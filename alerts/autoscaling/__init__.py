"""Autoscaling from the same signals as the alerts: manifests, and the reasons in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.autoscaling.config import AutoscalingSection
from exporters import lazy

if TYPE_CHECKING:
    from alerts.autoscaling.decide import Decision, should_scale
    from alerts.autoscaling.manifests import generated, texts
else:
    # A command that reads the config alone needs no YAML and no catalogue.
    __getattr__ = lazy.names(
        __name__,
        {
            **dict.fromkeys(("Decision", "should_scale"), "decide"),
            **dict.fromkeys(("generated", "texts"), "manifests"),
        },
    )

__all__ = ["AutoscalingSection", "Decision", "generated", "should_scale", "texts"]
