"""A client and a server in one: takes an ASGI app through a situation, reads its metrics."""

from __future__ import annotations

import asyncio
import contextlib
import re

from exporters.requests import MetricsMiddleware, RequestMetrics

SAMPLE = re.compile(r"(\w+?)(?:_total)?(?:\{(.*)\})? (\S+)")


def scope(path="/v1/completions", method="POST", headers=(), spec="2.3"):
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": spec},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"service"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("service", 80),
        "state": {},
    }


class Client:
    """What one client does to a request, and what it received."""

    def __init__(
        self, *, leaves_after=None, breaks_after=None, cancelled_after=None, reads_slowly=0.0
    ):
        self.leaves_after = leaves_after
        self.breaks_after = breaks_after
        self.cancelled_after = cancelled_after
        self.reads_slowly = reads_slowly
        self.received = []
        self.asked = False
        self.left = asyncio.Event()
        self.cancel = asyncio.Event()

    async def receive(self):
        if not self.asked:
            self.asked = True
            if self.cancelled_after == 0:
                self.cancel.set()
            return {"type": "http.request", "body": b"{}", "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.received.append(message)
        bodies = [got for got in self.received if got["type"] == "http.response.body"]
        if self.leaves_after is not None and len(bodies) >= self.leaves_after:
            self.left.set()
        if self.cancelled_after is not None and len(bodies) >= self.cancelled_after:
            self.cancel.set()
        if self.breaks_after is not None and len(bodies) > self.breaks_after:
            raise OSError("connection lost")
        if self.reads_slowly:
            await asyncio.sleep(self.reads_slowly)


async def call(app, client, *, request=None):
    """Send one request through the app; give back the exception that came out, if any."""
    task = asyncio.ensure_future(app(request or scope(), client.receive, client.send))
    if client.cancelled_after is not None:
        await client.cancel.wait()
        task.cancel()
    error = None
    with contextlib.suppress(asyncio.CancelledError):
        try:
            await task
        except Exception as raised:  # noqa: BLE001 - the situation under test
            error = raised
    return error


def measured(app, *, request=None, metrics=None, **client):
    """One request through the measured app: the metrics after it, and the client."""
    metrics = metrics or RequestMetrics(models=["chat"])

    async def once():
        caller = Client(**client)
        error = await call(MetricsMiddleware(app, metrics), caller, request=request)
        return caller, error

    caller, error = asyncio.run(once())
    return Readings(metrics), caller, error


class Readings:
    """The samples of a page, by name and labels."""

    def __init__(self, metrics):
        self.values = {}
        for line in metrics.collect_text().split("\n"):
            if line and not line.startswith("#"):
                name, labels, value = SAMPLE.fullmatch(line).groups()
                self.values[name, labels or ""] = float(value)

    def of(self, name, **labels):
        wanted = ",".join(f'{key}="{value}"' for key, value in labels.items())
        return self.values.get((name, wanted))

    def endings(self):
        """Every outcome and status that was counted, with how often."""
        return {
            tuple(re.findall(r'(?:outcome|status)="(.*?)"', labels)): value
            for (name, labels), value in self.values.items()
            if name == "llm_requests" and value
        }
