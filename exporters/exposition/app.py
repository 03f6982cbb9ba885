"""The /metrics endpoint as an ASGI app that renders off the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from exporters.exposition.page import Exposition, Source

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger(__name__)


class MetricsApp:
    """Answers GET with the page; an object, so that Starlette's Route takes it for an app."""

    def __init__(self, exposition: Exposition) -> None:
        self._exposition = exposition
        # A thread of its own: the default pool may be full of the service's blocking work.
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="metrics")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the metrics app answers HTTP, not {scope['type']}")
        if scope["method"] not in {"GET", "HEAD"}:
            await respond(send, 405, [b"metrics are read with GET\n"])
            return
        loop = asyncio.get_running_loop()
        try:
            accept = _accept(scope)
            page, kind = await loop.run_in_executor(self._pool, self._exposition.pieces, accept)
        except Exception:  # whatever a source raises, Prometheus must see a failed scrape
            log.exception("metrics could not be rendered")
            await respond(send, 500, [b"metrics could not be rendered; see the log\n"])
            return
        await respond(send, 200, page, kind, empty=scope["method"] == "HEAD")


def _accept(scope: Scope) -> str | None:
    values = [value for name, value in scope.get("headers", ()) if name == b"accept"]
    return b",".join(values).decode("latin-1") if values else None


def metrics_app(*sources: Source) -> MetricsApp:
    """Serve the sources at whatever path this is routed to; the event loop never waits for it."""
    return MetricsApp(Exposition(*sources))


async def respond(
    send: Send,
    status: int,
    pieces: list[bytes],
    content_type: str = "text/plain; charset=utf-8",
    *,
    empty: bool = False,
) -> None:
    """Send a response piece by piece; `empty` keeps it back but states its length (HEAD)."""
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(sum(map(len, pieces))).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for piece in [] if empty else pieces[:-1]:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(0)  # the event loop serves the others
    await send({"type": "http.response.body", "body": b"" if empty else pieces[-1]})
