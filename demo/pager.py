"""The pager of the demo: a local receiver that keeps what wakes people, and when it came."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ALERTS = "/alerts"
ENRICHED = "/enriched"
DEAD_MAN = "/dead-man"


@dataclass(frozen=True)
class Message:
    """One delivery: when it came (Unix seconds), through which door, and what it says."""

    received: float
    path: str
    payload: dict[str, Any]


class Pager:
    """Listens on 127.0.0.1:`port` (0: any free one) from construction until `stop()`."""

    def __init__(self, port: int) -> None:
        self._messages: list[Message] = []
        self._arrived = threading.Condition(threading.RLock())
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def messages(self, path: str, since: float = 0.0) -> list[Message]:
        """All deliveries to `path` received at or after `since`, in order of arrival."""
        with self._arrived:
            return [m for m in self._messages if m.path == path and m.received >= since]

    def pages(self, since: float) -> list[Message]:
        """Alert groups delivered since then in which a page still fires."""
        return [m for m in self.messages(ALERTS, since) if m.payload.get("status") == "firing"]

    def first_page(self, since: float, timeout: float) -> Message | None:
        """The first page received since then, waiting for it up to `timeout` seconds."""
        with self._arrived:
            self._arrived.wait_for(lambda: self.pages(since), timeout)
        return next(iter(self.pages(since)), None)

    def first_verdict(self, since: float, timeout: float) -> Message | None:
        """The first verdict on an alert that began since then, waiting as `first_page` does."""

        def told() -> Message | None:
            answers = self.messages(ENRICHED, since)
            began = since * 1e9
            return next(
                (m for m in answers if m.payload["verdict"]["alert"]["starts_ns"] > began), None
            )

        with self._arrived:
            self._arrived.wait_for(told, timeout)
            return told()

    def stop(self) -> None:
        """Stop listening and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _keep(self, path: str, payload: dict[str, Any]) -> None:
        with self._arrived:
            self._messages.append(Message(time.time(), path, payload))
            self._arrived.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        keep = self._keep

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                try:
                    keep(self.path, json.loads(body))
                    self.send_response(200)
                except ValueError:
                    self.send_response(400)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  stdlib's name
                """Stay quiet: the run folder keeps the messages."""

        return Handler
