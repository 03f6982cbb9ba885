"""Lines of JSON for the console: from `logging` and from structlog, with trace, span and request.

Names are those of ECS logging, which Filebeat and Elastic Agent take as they are: `@timestamp`,
`log.level`, `message`, `log.logger`, `trace.id`, `span.id`. A processor of structlog is a plain
function, so nothing here needs structlog itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import MutableMapping
from typing import Any

import orjson
from opentelemetry import trace

from exporters.telemetry.document import iso
from exporters.telemetry.logs import REQUEST_ID, attributes_of, message_of, nanoseconds_of
from exporters.telemetry.redact import STRICT, Redactor

EventDict = MutableMapping[str, Any]
_ERROR = {
    "exception.type": "error.type",
    "exception.message": "error.message",
    "exception.stacktrace": "error.stack_trace",
}


def add_ids(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Processor of structlog: add `trace_id`, `span_id` and `request_id` where there are any."""
    for key, value in _ids().items():
        event.setdefault(key, value)
    return event


def _ids() -> dict[str, str]:
    ids: dict[str, str] = {}
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        ids["trace_id"] = f"{context.trace_id:032x}"
        ids["span_id"] = f"{context.span_id:016x}"
    if request_id := REQUEST_ID.get():
        ids["request_id"] = request_id
    return ids


class JsonRenderer:
    """The last processor of structlog: the event as one line, secrets and prompts taken out."""

    def __init__(self, redactor: Redactor = STRICT) -> None:
        self._redactor = redactor

    def __call__(self, logger: Any, method: str, event: EventDict) -> str:
        """Render one event; `add_ids` needs not stand before it."""
        told = dict(add_ids(logger, method, event))
        message = str(told.pop("event", ""))
        level = str(told.pop("level", method))
        name = told.pop("logger", None) or getattr(logger, "name", None)
        told.pop("timestamp", None)
        if "exception" in told:  # structlog's format_exc_info leaves the stack here
            told["exception.stacktrace"] = told.pop("exception")
        return line(time.time_ns(), level, name, message, told, self._redactor)


class JsonFormatter(logging.Formatter):
    """For a handler of `logging`: the record as one line of the same form."""

    def __init__(self, redactor: Redactor = STRICT) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Write the record, its extras and what it says of an exception."""
        told = {**_ids(), **attributes_of(record)}
        message = message_of(record)
        return line(
            nanoseconds_of(record), record.levelname, record.name, message, told, self._redactor
        )


def line(
    ts_ns: int, level: str, logger: str | None, message: str, told: dict[str, Any], rules: Redactor
) -> str:
    """Write one line of JSON. What `told` holds under an id's name becomes ECS's field."""
    ids = {
        "trace.id": told.pop("trace_id", None),
        "span.id": told.pop("span_id", None),
        "http.request.id": told.pop("request_id", None),
        "log.logger": logger,
    }
    fields = rules.attributes({_ERROR.get(key, key): value for key, value in told.items()})
    document = {
        "@timestamp": iso(ts_ns),
        "log.level": level.lower(),
        "message": rules.clean(message),
        **{key: value for key, value in ids.items() if value is not None},
        **fields,
    }
    return orjson.dumps(document, default=str).decode()
