"""How a request ended, decided from what the server saw and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from exporters.catalog.requests import GRPC_STATUSES

NOT_STARTED = "none"
"""The status label of a request that ended before any status was sent."""


def outcome_of_status(status: int) -> str:
    """The outcome of a response that reached its last byte.

    4xx is `ok`: the service answered as it should; the exact status stands beside it.
    """
    if status in {429, 503}:
        return "rejected"
    if status in {408, 504}:
        return "timeout"
    return "error" if status >= 500 else "ok"


def outcome_of_code(code: str) -> str:
    """The outcome of a gRPC call by its status code: that of the HTTP status it stands for."""
    return "client_gone" if code == "CANCELLED" else outcome_of_status(GRPC_STATUSES[code])


def outcome_of_break(
    error: BaseException | None, status: int, send: Any, *, disconnected: bool
) -> tuple[str, str]:
    """The outcome and status of a request whose response never reached its last byte.

    `status` is 0 where no response was started; the server then answers 500 for an error.
    """
    sent = str(status) if status else NOT_STARTED
    if disconnected or isinstance(error, asyncio.CancelledError) or raised_by(send, error):
        return "client_gone", sent
    if status:
        return "failed_midstream", sent
    return ("timeout" if isinstance(error, TimeoutError) else "error"), "500"


def raised_by(send: Any, error: BaseException | None) -> bool:
    """Whether an OSError came out of the server's `send`: the client's side of the socket.

    An OSError of the app's own (an upstream that refuses) has no frame of `send` in its traceback.
    """
    code = _code(send)
    return any(
        isinstance(cause, OSError) and code in _codes(cause) for cause in _with_causes(error)
    )


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        error = waiting.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        waiting += [error.__cause__, error.__context__]
        if isinstance(error, BaseExceptionGroup):
            waiting += error.exceptions


def _codes(error: BaseException) -> Iterator[Any]:
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_code
        trace = trace.tb_next


def _code(function: Any) -> Any:
    function = getattr(function, "func", function)  # functools.partial
    function = getattr(function, "__func__", function)  # bound method
    found = getattr(function, "__code__", None)
    return found or getattr(type(function).__call__, "__code__", None)
