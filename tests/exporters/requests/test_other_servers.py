"""Hypercorn and waitress: other servers than those we know best, the same endings."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time

import httpx
import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from waitress.server import create_server

from exporters.requests import MetricsMiddleware, RequestMetrics, annotations_of, measure
from tests.exporters.requests.asgi import Readings
from tests.exporters.requests.test_wsgi import flask_app

STEP = 0.03
SITUATIONS = {
    "stream": ("ok", "200"),
    "breaks": ("failed_midstream", "200"),
    "fails": ("error", "500"),
    "busy": ("rejected", "503"),
    "nowhere": ("ok", "404"),
}


async def app(scope, receive, send):
    if scope["type"] != "http":
        return  # Hypercorn goes on without a lifespan
    while (await receive()).get("more_body"):
        pass
    what = scope["path"][1:]
    if what == "fails":
        raise RuntimeError("engine died")
    status = {"busy": 503, "nowhere": 404}.get(what, 200)
    if status == 503:
        annotations_of(scope).reason = "queue_full"
    await send({"type": "http.response.start", "status": status, "headers": []})
    for number in range({"stream": 5, "breaks": 5, "endless": 100}.get(what, 0)):
        await asyncio.sleep(STEP)
        if what == "breaks" and number == 2:
            raise RuntimeError("engine died")
        await send({"type": "http.response.body", "body": b"data: x\n\n", "more_body": True})
    await send({"type": "http.response.body", "body": b"no"})


def behind_hypercorn(metrics, sock, stopped):
    config = Config()
    config.bind = [f"fd://{os.dup(sock.fileno())}"]  # it closes what it is given
    config.errorlog = None
    asyncio.run(
        serve(
            MetricsMiddleware(app, metrics),
            config,
            shutdown_trigger=lambda: asyncio.to_thread(stopped.wait),
        )
    )


def behind_waitress(metrics, sock, stopped):
    served = measure(flask_app(), metrics)
    served.config["PROPAGATE_EXCEPTIONS"] = False
    served.logger.disabled = True
    server = create_server(served, sockets=[sock], channel_request_lookahead=1)
    running = threading.Thread(target=server.run)
    running.start()
    stopped.wait()
    server.trigger.pull_trigger(server.close)
    server.task_dispatcher.shutdown()
    running.join(10)


@pytest.fixture(params=[behind_hypercorn, behind_waitress], ids=["hypercorn", "waitress"])
def service(request, caplog):
    caplog.set_level("CRITICAL")
    metrics, stopped = RequestMetrics(models=["chat"]), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        address = sock.getsockname()
        thread = threading.Thread(target=request.param, args=(metrics, sock, stopped))
        thread.start()
        yield metrics, address
        stopped.set()
        thread.join()


def endings(metrics, count):
    until = time.monotonic() + 60
    while sum(Readings(metrics).endings().values()) < count:
        assert time.monotonic() < until, Readings(metrics).endings()
        time.sleep(0.02)
    assert Readings(metrics).of("llm_requests_in_flight", model="chat") == 0
    assert Readings(metrics).of("busysignal_metrics_errors") == 0
    return Readings(metrics).endings()


def test_each_ending_is_told_as_it_was(service):
    metrics, (host, port) = service
    for what in SITUATIONS:
        with contextlib.suppress(httpx.RemoteProtocolError):
            httpx.post(f"http://{host}:{port}/{what}", content=b"{}", timeout=20, trust_env=False)

    assert endings(metrics, len(SITUATIONS)) == dict.fromkeys(SITUATIONS.values(), 1)


def test_a_client_that_hangs_up_is_gone(service):
    metrics, address = service
    with socket.create_connection(address) as client:
        client.sendall(b"POST /endless HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        while b"data" not in client.recv(4096):
            pass

    assert endings(metrics, 1) == {("client_gone", "200"): 1}
