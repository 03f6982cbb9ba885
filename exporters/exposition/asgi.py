"""An ASGI app in the foreground, on uvicorn, until it is told to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import uvicorn

from exporters.exposition.app import App
from exporters.exposition.server import bind


def serve_app(
    app: App,
    host: str,
    port: int,
    *,
    announce: Callable[[str], object] | None = None,
    lifespan: Literal["auto", "on", "off"] = "off",
    grace_seconds: int | None = None,
) -> None:
    """Serve `app` until SIGINT or SIGTERM, then return; open requests get `grace_seconds`.

    `announce` is told the address once the socket listens (port 0 takes a free one).
    Raises UsageError when the address cannot be bound.
    """
    listener = bind(host, port)
    config = uvicorn.Config(
        app,
        lifespan=lifespan,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=grace_seconds,
    )
    server = uvicorn.Server(config)
    with listener, _stopping_quietly(server):
        if announce is not None:
            announce(f"http://{host}:{listener.getsockname()[1]}")
        server.run(sockets=[listener])


@contextmanager
def _stopping_quietly(server: uvicorn.Server) -> Iterator[None]:
    # uvicorn raises the signal that stopped it once more; here it ends up as a plain return, so
    # that the caller can clean up, and one that comes before uvicorn listens is not lost either.
    def stop(*_: object) -> None:
        server.should_exit = True

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
