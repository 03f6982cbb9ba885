"""Ask the server, without waiting, whether the client has already hung up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


def has_hung_up(receive: Callable[[], Awaitable[Any]]) -> bool:
    """Whether `receive` answers `http.disconnect` at once.

    ASGI servers swallow what is sent to a client that has left, so an app that does not listen
    writes its whole answer to nobody. One step of `receive` tells: it either returns the
    disconnect or waits for one, and a wait is closed again. Ask only after the request's body
    was read to its end (there is nothing left to take away) and under asyncio.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    waiting = receive().__await__()
    try:
        next(waiting)
    except StopIteration as stop:
        return bool(stop.value["type"] == "http.disconnect")
    finally:
        close = getattr(waiting, "close", None)
        if close is not None:
            close()
    return False
