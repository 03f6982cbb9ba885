"""A real `watch` on a free port, a real Prometheus API to read from, and a real pager."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from analysis.evidence import Alert, Evidence
from tests.analysis import scenes
from tests.analysis.scenes import Scene

SCENE = Scene(scenes.slow_replica()).evidence()


class Endpoint:
    """An HTTP server on 127.0.0.1 that keeps what is posted and answers as it is told."""

    def __init__(self, answer: Callable[[str, bytes], tuple[int, bytes]] | None = None) -> None:
        self.received: list[tuple[str, Any]] = []
        self.methods: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.answer = answer or (lambda *_: (200, b"{}"))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                endpoint.methods.append(self.command)
                endpoint.headers.append(dict(self.headers))
                endpoint.received.append((self.path, body))
                status, answer = endpoint.answer(self.path, body)
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    pass  # the client has given up

            do_GET = do_PATCH = do_POST  # noqa: N815  the names that http.server looks for

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler


@contextmanager
def endpoint(answer: Callable[[str, bytes], tuple[int, bytes]] | None = None) -> Iterator[Endpoint]:
    server = Endpoint(answer)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def running(built: Starlette) -> Iterator[str]:
    """Serve the app with uvicorn in a thread; yields its address."""
    config = uvicorn.Config(built, host="127.0.0.1", port=0, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, 10)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


def wait_until(true: Callable[[], Any], seconds: float) -> Any:
    """Wait for a truthy answer; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError(f"did not come true within {seconds} s")


def webhook(
    name: str = "LatencyBudgetBurn",
    *,
    status: str = "firing",
    group: str = "",
    starts: str = "2026-11-23T12:00:00.5Z",
) -> dict[str, Any]:
    """What Alertmanager posts, version 4."""
    labels = {"alertname": name, "service": "chat", "severity": "page"}
    return {
        "version": "4",
        "groupKey": group or f'{{}}:{{alertname="{name}"}}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "watch",
        "groupLabels": {"alertname": name},
        "commonLabels": labels,
        "commonAnnotations": {"summary": "Requests are slow."},
        "externalURL": "http://alertmanager",
        "alerts": [
            {
                "status": status,
                "labels": labels,
                "annotations": {"summary": "Requests are slow."},
                "startsAt": starts,
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://prometheus/graph",
                "fingerprint": "0123456789abcdef",
            }
        ],
    }


def document(body: bytes) -> Any:
    """The JSON of a body."""
    return json.loads(body)


def collector(alert: Alert) -> Evidence:
    return replace(SCENE, alert=alert)


def get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=10, trust_env=False)


def post(url: str, body: object, **headers: str) -> httpx.Response:
    return httpx.post(url, json=body, headers=headers, timeout=10, trust_env=False)


def verdicts(url: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = get(f"{url}/verdicts").json()
    return found
