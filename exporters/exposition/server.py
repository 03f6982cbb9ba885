"""An exporter's own HTTP server: /metrics, /-/healthy and /-/ready in the foreground."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import uvicorn

from exporters.errors import UsageError
from exporters.exposition.app import App, Receive, Scope, Send, Source, metrics_app, respond


def serve(
    sources: Sequence[Source],
    host: str,
    port: int,
    *,
    ready: Callable[[], bool] = lambda: True,
    announce: Callable[[str], object] | None = None,
) -> None:
    """Serve an exporter's three paths until SIGINT or SIGTERM, then return.

    `announce` is told the address once the socket listens (port 0 takes a free one).
    Raises UsageError when the address cannot be bound.
    """
    serve_app(exporter_app(sources, ready), host, port, announce=announce)


def serve_app(
    app: App,
    host: str,
    port: int,
    *,
    announce: Callable[[str], object] | None = None,
    lifespan: Literal["auto", "on", "off"] = "off",
    grace_seconds: int | None = None,
) -> None:
    """Serve any app as `serve` does; open requests get `grace_seconds` at the end."""
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


def bind(host: str, port: int) -> socket.socket:
    """Open a listening socket, or say in one line why it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named by its protocol, or asyncio leaves Nagle's algorithm on: 40 ms on every kept connection.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot listen on {host}:{port}: {reason}; "
            "choose another port in the config, or stop the process that holds it"
        ) from None
    return listener


def exporter_app(sources: Sequence[Source], ready: Callable[[], bool]) -> App:
    """Route the three paths of an exporter process."""
    metrics = metrics_app(*sources)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path")
        if path == "/metrics":
            await metrics(scope, receive, send)
        elif path == "/-/healthy":
            await respond(send, 200, b"healthy\n")
        elif path == "/-/ready":
            is_ready = ready()
            await respond(send, 200 if is_ready else 503, b"ready\n" if is_ready else b"not yet\n")
        else:
            await respond(send, 404, b"this exporter has /metrics, /-/healthy and /-/ready\n")

    return app


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
