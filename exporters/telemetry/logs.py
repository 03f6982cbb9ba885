"""A logging handler that takes each record with its trace, span and request id."""

from __future__ import annotations

import contextlib
import itertools
import logging
import secrets
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from opentelemetry import trace

from exporters.telemetry.document import LogEntry
from exporters.telemetry.redact import spoken

REQUEST_ID: ContextVar[str | None] = ContextVar("busysignal_request_id", default=None)
"""The id of the request being served; logs and spans of its context carry it."""

TEMPLATE = "message_template.text"
"""What the code says before its values are put in, named as Serilog's OpenTelemetry sink does."""

_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SEVERITY = ((50, 21), (40, 17), (30, 13), (20, 9), (10, 5))


class TelemetryHandler(logging.Handler):
    """Hands each record to `put`; records of the threads in `silent` would feed on themselves."""

    def __init__(
        self,
        put: Callable[[LogEntry], None],
        level: str,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(level)
        self._put = put
        self._on_failure = on_failure
        self.begin_again()

    def begin_again(self) -> None:
        """Number records anew, in a forked child too: an id must be nobody else's."""
        self._prefix = secrets.token_hex(8)
        self._numbers = itertools.count()
        self.silent: set[int | None] = set()

    def heeds(self, record: logging.LogRecord) -> bool:
        """Say whether the record is anybody's but the writer's own."""
        return record.thread not in self.silent

    def emit(self, record: logging.LogRecord) -> None:
        """Take the record; a record that cannot be formatted is told with its bare format.

        Nothing that goes wrong reaches the caller: a line of log must not cost a request.
        """
        try:
            if self.heeds(record):
                self._put(self._entry(record))
        except Exception:  # noqa: BLE001 - the point
            with contextlib.suppress(Exception):
                self._on_failure()

    def _entry(self, record: logging.LogRecord) -> LogEntry:
        context = trace.get_current_span().get_span_context()
        return LogEntry(
            id=f"{self._prefix}-{next(self._numbers)}",
            ts_ns=nanoseconds_of(record),
            severity=severity(record.levelno),
            level=record.levelname,
            logger=record.name,
            body=message_of(record),
            trace_id=f"{context.trace_id:032x}" if context.is_valid else None,
            span_id=f"{context.span_id:016x}" if context.is_valid else None,
            trace_flags=int(context.trace_flags),
            attributes={TEMPLATE: spoken(record.msg), **attributes_of(record)},
        )


def severity(levelno: int) -> int:
    """Translate a level of `logging` to OpenTelemetry's 1-24."""
    return next((number for level, number in _SEVERITY if levelno >= level), 1)


def nanoseconds_of(record: logging.LogRecord) -> int:
    """When it was said, in Unix nanoseconds."""
    # `created` is a float: below a microsecond it holds nothing.
    return round(record.created * 1_000_000) * 1_000


def message_of(record: logging.LogRecord) -> str:
    """What it says; a record that cannot be formatted says its bare format."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments may be anybody's objects
        return f"{spoken(record.msg)} (arguments do not fit this format)"


def attributes_of(record: logging.LogRecord) -> dict[str, Any]:
    """Its extras, the request's id, and what it says of an exception."""
    told = {key: value for key, value in vars(record).items() if key not in _OWN_FIELDS}
    if request_id := REQUEST_ID.get():
        told.setdefault("request_id", request_id)
    if record.exc_info and record.exc_info[0] is not None:
        kind, error, trace_back = record.exc_info
        told["exception.type"] = kind.__qualname__
        told["exception.message"] = spoken(error)
        lines = traceback.format_exception(kind, error, trace_back)
        told["exception.stacktrace"] = "".join(lines)
    return told
