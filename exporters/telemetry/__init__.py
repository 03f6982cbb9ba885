"""Spans and logs out: OpenTelemetry in, Elasticsearch or plain files at the other end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters import lazy
from exporters.telemetry.section import TelemetrySection

if TYPE_CHECKING:
    from exporters.telemetry.gen_ai import inference_span, set_usage
    from exporters.telemetry.json_logs import JsonFormatter, JsonRenderer, add_ids
    from exporters.telemetry.logs import REQUEST_ID
    from exporters.telemetry.spans import (
        Attempts,
        Opened,
        outgoing,
        phase,
        record_error,
        server_span,
        set_status,
    )
    from exporters.telemetry.wiring import Telemetry, setup
else:
    # A command that reads the config alone needs no OpenTelemetry and no client.
    __getattr__ = lazy.names(
        __name__,
        {
            **dict.fromkeys(("inference_span", "set_usage"), "gen_ai"),
            **dict.fromkeys(("JsonFormatter", "JsonRenderer", "add_ids"), "json_logs"),
            "REQUEST_ID": "logs",
            **dict.fromkeys(
                ("Attempts", "Opened", "outgoing", "phase", "record_error", "server_span"), "spans"
            ),
            "set_status": "spans",
            **dict.fromkeys(("Telemetry", "setup"), "wiring"),
        },
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
