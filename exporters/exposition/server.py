"""An exporter's own HTTP server: a thread per connection and no event loop, so that it is small."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from exporters.errors import UsageError
from exporters.exposition.gate import Gate, gate_for
from exporters.exposition.http import Server
from exporters.exposition.page import Exposition, Source

DRAIN_SECONDS = 2.0
"""How long an answer that is under way keeps the end waiting."""


def serve(
    sources: Sequence[Source],
    host: str,
    port: int,
    *,
    ready: Callable[[], bool] = lambda: True,
    announce: Callable[[str], object] | None = None,
    web_config: Path | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Serve /metrics, /-/healthy, /-/ready and / until SIGINT, SIGTERM or `stop`, then return.

    `announce` is told the address once the socket listens (port 0 takes a free one). `web_config`
    asks for TLS, client certificates or passwords (see `web_config.py`).
    Raises UsageError when the address cannot be bound or the web config cannot be used.
    """
    gate = gate_for(web_config)
    with bind(host, port) as listener, _set_by_signals(stop or threading.Event()) as stopped:
        server = Server(listener, Exposition(*sources), ready, gate)
        if announce is not None:
            announce(_url(host, listener, gate))
        threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
        stopped.wait()
        server.shutdown()
        server.drain(DRAIN_SECONDS)


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


def _url(host: str, listener: socket.socket, gate: Gate) -> str:
    scheme = "https" if gate.is_encrypted else "http"
    named = f"[{host}]" if ":" in host else host
    return f"{scheme}://{named}:{listener.getsockname()[1]}"


@contextmanager
def _set_by_signals(stop: threading.Event) -> Iterator[threading.Event]:
    """Let SIGINT and SIGTERM set the event, so that the caller returns and can clean up."""
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
