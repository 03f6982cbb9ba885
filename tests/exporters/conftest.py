"""Hypothesis on a shared machine: neither a busy core nor its first Unicode tables fail a test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "shared", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50
)
settings.load_profile("shared")
