"""Run `watch` in the foreground until it is told to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from analysis.collect import Sources
from analysis.config import AnalysisSection, WatchSection
from analysis.watch.app import app
from exporters.exposition.server import bind


def serve(
    section: WatchSection,
    analysis: AnalysisSection,
    sources: Sources,
    *,
    announce: Callable[[str], object] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; `announce` is told the address once it listens.

    Raises UsageError when the address, the database or the token file cannot be used.
    """
    built = app(section, analysis, sources)
    listener = bind(section.host, section.port)
    config = uvicorn.Config(
        built, lifespan="on", log_level="warning", access_log=False, timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    with listener, _plain_return(server):
        if announce is not None:
            announce(f"http://{section.host}:{listener.getsockname()[1]}")
        server.run(sockets=[listener])


@contextmanager
def _plain_return(server: uvicorn.Server) -> Iterator[None]:
    """Let `serve` return on a signal: uvicorn raises what stopped it once more."""

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
