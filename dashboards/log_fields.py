"""Where a line of log keeps what, in each shape of document that is written to Elasticsearch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["otel", "ecs", "raw"]


@dataclass(frozen=True)
class LogFields:
    """The fields of a document: whose line, what it says, how grave it is, and of which trace."""

    service: str
    template: str
    severity: str
    number: str
    exception: str
    message: str
    trace: str


FIELDS: dict[Shape, LogFields] = {
    "otel": LogFields(
        service="resource.attributes.service.name",
        template="attributes.message_template.text",
        severity="severity_text",
        number="severity_number",
        exception="attributes.exception.type",
        message="body.text",
        trace="trace_id",
    ),
    "ecs": LogFields(
        service="service.name",
        template="message_template.text",
        severity="log.level",
        number="event.severity",
        exception="error.type",
        message="message",
        trace="trace.id",
    ),
    "raw": LogFields(
        service="Resource.service.name",
        template="message_template.text",
        severity="SeverityText",
        number="SeverityNumber",
        exception="exception.type",
        message="Body",
        trace="TraceId",
    ),
}
"""By the exporter's mapping mode: the same names as [telemetry] `shape` writes."""
