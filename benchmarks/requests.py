"""What the request exporter adds to a request and to a streamed chunk, beside four peers.

Run as `python -m benchmarks.requests [--json FILE]`.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from benchmarks import _rounds as rounds
from benchmarks._request_peers import Wrap, installed
from exporters.catalog.buckets import REQUEST_SECONDS, TOKEN_SECONDS
from exporters.exposition.app import App, Message, Receive, Scope, Send
from exporters.requests import MetricsMiddleware, RequestMetrics

CHUNKS = 64
SHARED = Path("/dev/shm")
CHUNK = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
HEADERS = [
    (b"host", b"127.0.0.1:8000"), (b"user-agent", b"benchmark/1"), (b"accept", b"*/*"),
    (b"content-type", b"application/json"), (b"content-length", b"256"),
    (b"authorization", b"Bearer x"), (b"x-request-id", b"abc"), (b"accept-encoding", b"gzip"),
]  # fmt: skip


def scope() -> Scope:
    """A POST as a server hands it over."""
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
        "method": "POST", "scheme": "http", "path": "/v1/completions",
        "raw_path": b"/v1/completions", "query_string": b"", "root_path": "", "headers": HEADERS,
        "client": ("127.0.0.1", 5555), "server": ("127.0.0.1", 8000), "state": {},
    }  # fmt: skip


async def receive() -> Message:
    """Hand over an empty body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: Message) -> None:
    """Drop what the app says."""


async def unary(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok", "more_body": False})


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in chunks, as engines do."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(CHUNKS):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


class PrometheusClient:
    """The careful hand-written middleware: children cached, one observation per chunk."""

    def __init__(self, app: App, *, per_chunk: bool) -> None:
        registry = CollectorRegistry()
        self.app = app
        self.per_chunk = per_chunk
        started = Counter("started", "x", ["model"], registry=registry)
        flying = Gauge("in_flight", "x", ["model"], registry=registry)
        long = partial(Histogram, buckets=REQUEST_SECONDS, registry=registry)
        self.started, self.in_flight = started.labels("chat"), flying.labels("chat")
        self.duration = long("duration", "x", ["model", "priority"]).labels("chat", "normal")
        self.first = long("first", "x", ["model", "priority"]).labels("chat", "normal")
        self.gap = Histogram("gap", "x", ["model"], buckets=TOKEN_SECONDS, registry=registry)
        self.gaps = self.gap.labels("chat")
        self.requests = Counter("requests", "x", ["model", "outcome", "status"], registry=registry)
        self.endings: dict[int, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, status, last = time.perf_counter(), 500, 0.0
        self.started.inc()
        self.in_flight.inc()

        async def watched(message: Message) -> None:
            nonlocal status, last
            if message["type"] == "http.response.start":
                status = message["status"]
            elif self.per_chunk and message.get("more_body"):
                now = time.perf_counter()
                if last:
                    self.gaps.observe(now - last)
                else:
                    self.first.observe(now - start)
                last = now
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            self.in_flight.dec()
            if status not in self.endings:
                self.endings[status] = self.requests.labels("chat", "ok", str(status))
            self.endings[status].inc()
            self.duration.observe(time.perf_counter() - start)


def busysignal(app: App) -> App:
    """Ours, as the README says."""
    return MetricsMiddleware(app, RequestMetrics(models=["chat"]))


def drive(app: App) -> Callable[[int], None]:
    """A function that sends n requests through the app, one after the other."""

    async def requests(count: int) -> None:
        for _ in range(count):
            await app(scope(), receive, send)

    return lambda count: asyncio.run(requests(count))


def one_of_several(app: App, folder: Path) -> App:
    """Ours, with values in a file that other workers read."""
    return MetricsMiddleware(app, RequestMetrics(models=["chat"], workers=folder))


def measure(
    folder: Path, peers: Mapping[str, Wrap], *, calls: int = 5000, repeats: int = 25
) -> dict[str, dict[str, float]]:
    """Microseconds added, per contender: to a request, and to each chunk of a stream."""
    added: dict[str, dict[str, float]] = {}
    for what, app, count in (("request", unary, calls), ("chunk", stream, calls // 8)):
        contenders: dict[str, App] = {
            "nothing": app,
            "busysignal": busysignal(app),
            "busysignal, one of several workers": one_of_several(app, folder),
            "prometheus_client": PrometheusClient(app, per_chunk=what == "chunk"),
            **{name: wrap(app) for name, wrap in peers.items()},
        }
        driven = {name: drive(contender) for name, contender in contenders.items()}
        taken = rounds.medians(driven, calls=count, rounds=repeats)
        per = CHUNKS if what == "chunk" else 1
        for name in list(taken)[1:]:
            added.setdefault(name, {})[what] = (taken[name] - taken["nothing"]) / per
    return added


def main() -> None:
    """Measure, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    peers, absent = installed()
    with TemporaryDirectory(dir=SHARED if SHARED.is_dir() else None) as folder:
        added = measure(Path(folder), peers, calls=options.calls, repeats=options.rounds)
    ours = added["busysignal"]
    rows = [
        (name, *(rounds.beside(took[what], ours[what]) for what in ours))
        for name, took in added.items()
    ]
    print(rounds.table(("added CPU microseconds", "per request", "per streamed chunk"), rows))
    for name, reason in absent.items():
        print(f"{name} is left out: {reason}")
    if options.json:
        rounds.write_json(options.json, {"unit": "microseconds", "added": added})


if __name__ == "__main__":
    main()
