"""Autoscaling from the same signals as the alerts: manifests, and the reasons in words."""

from __future__ import annotations

from alerts.autoscaling.config import AutoscalingSection
from alerts.autoscaling.decide import Decision, should_scale
from alerts.autoscaling.manifests import render, stale, texts

__all__ = ["AutoscalingSection", "Decision", "render", "should_scale", "stale", "texts"]
