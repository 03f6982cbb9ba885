"""Spans and logs out: OpenTelemetry in, Elasticsearch or plain files at the other end."""

from __future__ import annotations

from exporters.telemetry.gen_ai import inference_span, set_usage
from exporters.telemetry.json_logs import JsonFormatter, JsonRenderer, add_ids
from exporters.telemetry.logs import REQUEST_ID
from exporters.telemetry.section import TelemetrySection
from exporters.telemetry.setup import Telemetry, setup
from exporters.telemetry.spans import (
    Attempts,
    Opened,
    outgoing,
    phase,
    record_error,
    server_span,
    set_status,
)

__all__ = [
    "REQUEST_ID",
    "Attempts",
    "JsonFormatter",
    "JsonRenderer",
    "Opened",
    "Telemetry",
    "TelemetrySection",
    "add_ids",
    "inference_span",
    "outgoing",
    "phase",
    "record_error",
    "server_span",
    "set_status",
    "set_usage",
    "setup",
]
