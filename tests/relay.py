"""A local HTTP server for bad weather: it passes requests on, or misbehaves as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

MODES = ("pass", "hang", "drip", "429", "503", "garbage", "lose_answer", "half_busy", "fixed")


class Relay:
    """`mode` may change at any time; `requests` counts what came in, by path."""

    def __init__(self, port: int, target: str | None) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.target = target
        self.mode = "pass"
        self.body = b""
        self.requests: list[str] = []
        self.done = threading.Event()
        self.client = httpx.Client(timeout=30, trust_env=False)


@contextmanager
def relay(target: str | None = None, mode: str = "pass", body: bytes = b"") -> Iterator[Relay]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.relay = Relay(server.server_address[1], target)  # type: ignore[attr-defined]
    server.relay.mode, server.relay.body = mode, body  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.relay  # type: ignore[attr-defined]
    finally:
        server.relay.done.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
        server.relay.client.close()  # type: ignore[attr-defined]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        weather: Relay = self.server.relay  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        weather.requests.append(self.path.partition("?")[0])
        mode = weather.mode
        if mode == "hang":
            weather.done.wait(30)
            self.close_connection = True
        elif mode == "drip":
            self._drip(weather)
        elif mode in {"429", "503"}:
            self._answer(int(mode), b'{"status":"error","error":"busy"}')
        elif mode == "garbage":
            self._answer(200, b"<html>It works!</html>", "text/html")
        elif mode == "fixed":
            self._answer(200, weather.body)
        elif mode == "half_busy" and self.path.startswith("/_bulk"):
            self._answer(200, self._half(weather, body))
        else:
            answer = self._pass_on(weather, body)
            if mode == "lose_answer":
                self.close_connection = True
            else:
                self._answer(answer.status_code, answer.content, _type(answer))

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 (http.server names them so)

    def _pass_on(self, weather: Relay, body: bytes) -> httpx.Response:
        kept = {"content-type", "accept", "x-opaque-id", "authorization"}
        headers = {k: v for k, v in self.headers.items() if k.lower() in kept}
        url = f"{weather.target}{self.path}"
        return weather.client.request(self.command, url, content=body, headers=headers)

    def _half(self, weather: Relay, body: bytes) -> bytes:
        """Pass every other document on; the rest is told to wait."""
        lines = body.splitlines(keepends=True)
        pairs = list(zip(lines[::2], lines[1::2], strict=True))
        passed = b"".join(a + d for number, (a, d) in enumerate(pairs) if number % 2 == 0)
        items = iter(json.loads(self._pass_on(weather, passed).content)["items"])
        busy = {"create": {"status": 429, "error": {"type": "rejected", "reason": "queue full"}}}
        told: list[Any] = [next(items) if n % 2 == 0 else busy for n in range(len(pairs))]
        return json.dumps({"errors": True, "items": told}).encode()

    def _drip(self, weather: Relay) -> None:
        self.send_response(200)
        self.send_header("content-length", "100000")
        self.end_headers()
        while not weather.done.is_set():
            try:
                self.wfile.write(b" ")
                self.wfile.flush()
            except OSError:
                break
            time.sleep(0.02)
        self.close_connection = True

    def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-elastic-product", "Elasticsearch")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's name)
        pass


def _type(answer: httpx.Response) -> str:
    return str(answer.headers.get("content-type", "application/json"))
