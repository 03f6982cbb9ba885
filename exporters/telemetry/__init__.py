"""Spans and logs out: OpenTelemetry in, Elasticsearch or plain files at the other end."""

from __future__ import annotations

from exporters.telemetry.logs import REQUEST_ID
from exporters.telemetry.section import TelemetrySection
from exporters.telemetry.setup import Telemetry, setup

__all__ = ["REQUEST_ID", "Telemetry", "TelemetrySection", "setup"]
