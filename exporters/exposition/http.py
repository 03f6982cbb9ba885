"""The pages of an exporter over HTTP/1.1, one thread for each connection."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any, Final

from exporters.errors import UsageError
from exporters.exposition.gate import Gate
from exporters.exposition.page import Exposition

log = logging.getLogger(__name__)

MAX_CONNECTIONS: Final = 100
"""Past this many at once, a new connection is closed at once: threads are bounded."""

IDLE_SECONDS: Final = 120.0
"""A kept connection without a request this long is closed; a scrape interval is shorter."""

HANDSHAKE_SECONDS: Final = 10.0

PLAIN: Final = "text/plain; charset=utf-8"

LANDING: Final = b"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>BusySignal exporter</title></head>
<body><h1>BusySignal exporter</h1><ul>
<li><a href="/metrics">Metrics</a></li>
<li><a href="/-/healthy">Healthy</a>: the process answers</li>
<li><a href="/-/ready">Ready</a>: what it tells is fresh</li>
</ul></body></html>
"""


class Server(ThreadingMixIn, HTTPServer):
    """Answers on a socket that already listens, until `shutdown`."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        listener: socket.socket,
        exposition: Exposition,
        ready: Callable[[], bool],
        gate: Gate,
    ) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.ready = ready
        self.gate = gate
        self._answers = 0
        self._counting = threading.Lock()
        self._exposition = exposition
        self._rendering = threading.Lock()
        self._free = threading.Semaphore(MAX_CONNECTIONS)

    def page(self, accept: str | None) -> tuple[bytes, str]:
        """Render the metrics as asked for; one page at a time is in memory twice."""
        with self._rendering:
            return self._exposition.answer(accept)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Count an answer as under way."""
        with self._counting:
            self._answers += 1
        try:
            yield
        finally:
            with self._counting:
                self._answers -= 1

    def drain(self, seconds: float) -> None:
        """Let answers under way be finished, for so long at most."""
        end = time.monotonic() + seconds
        while self._answers and time.monotonic() < end:
            time.sleep(0.01)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for the connection, or close it where there are too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Answer on the connection, once it is encrypted if it must be."""
        if not self.gate.is_encrypted:
            super().finish_request(request, client_address)
            return
        try:
            context = self.gate.tls_context()
        except UsageError as error:
            log.error("%s", error)  # noqa: TRY400  one line, its cause is in it
            return
        request.settimeout(HANDSHAKE_SECONDS)
        with context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away or speaks no TLS is its own business."""
        log.debug("the connection of %s failed", client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection: its requests, one after another."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "busysignal"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def do_GET(self) -> None:
        with self.server.answering():
            self._answer()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.close_connection = True  # its body has not been read
        self._respond(405, b"read with GET\n", extra={"Allow": "GET, HEAD"})

    def do_PUT(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self.do_POST()

    def _answer(self) -> None:
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # nobody reads that body: it must not pass for a request
        try:
            if not self.server.gate.admits(self.headers.get("Authorization")):
                challenge = {"WWW-Authenticate": "Basic"}
                self._respond(401, b"Unauthorized\n", extra=challenge)
                return
        except UsageError as error:
            log.error("%s", error)  # noqa: TRY400  one line, its cause is in it
            self._respond(500, b"the web config cannot be used; see the log\n")
            return
        self._route(self.path.partition("?")[0])

    def _route(self, path: str) -> None:
        if path == "/metrics":
            self._respond_metrics()
        elif path == "/-/healthy":
            self._respond(200, b"healthy\n")
        elif path == "/-/ready":
            is_ready = self.server.ready()
            self._respond(200 if is_ready else 503, b"ready\n" if is_ready else b"not yet\n")
        elif path == "/":
            self._respond(200, LANDING, "text/html; charset=utf-8")
        else:
            self._respond(404, b"this exporter has /metrics, /-/healthy and /-/ready\n")

    def _respond_metrics(self) -> None:
        try:
            page, content_type = self.server.page(self.headers.get("Accept"))
        except Exception:  # whatever a source raises, Prometheus must see a failed scrape
            log.exception("metrics could not be rendered")
            self._respond(500, b"metrics could not be rendered; see the log\n")
            return
        self._respond(200, page, content_type)

    def _respond(
        self,
        status: int,
        body: bytes,
        content_type: str = PLAIN,
        extra: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        headers = {"Content-Type": content_type, "Content-Length": str(len(body))}
        for name, value in {**headers, **self.server.gate.headers(), **(extra or {})}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
        log.debug(format, *args)
