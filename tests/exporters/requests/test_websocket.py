"""Websocket sessions on a real uvicorn, from the client's side."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from exporters.requests import RequestMetrics, measure
from tests.exporters.requests.asgi import Readings


async def talk(websocket):
    if websocket.path_params["what"] == "refused":
        await websocket.close()
        return
    await websocket.accept()
    if await websocket.receive_text() == "break":
        raise RuntimeError("engine died")
    for _ in range(3):
        await asyncio.sleep(0.01)
        await websocket.send_text("x")
    if websocket.path_params["what"] == "busy":
        await websocket.close(1013)
    elif websocket.path_params["what"] == "listens":
        await websocket.receive()
    else:
        await websocket.close()


@pytest.fixture
def service():
    metrics = RequestMetrics(models=["chat"])
    app = measure(
        Starlette(routes=[WebSocketRoute("/talk/{what}", talk)]), metrics, websockets=True
    )
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, lifespan="off", ws="websockets-sansio")
    )
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield metrics, "ws://{}:{}/talk".format(*listener.getsockname())
    server.should_exit = True
    thread.join()
    listener.close()


def session(url, says="hello", takes=3, leaves=False):
    """What one client notes: the messages it got, and the code that closed its session."""
    got = []
    try:
        with connect(url) as client:
            client.send(says)
            while not leaves or len(got) < takes:
                got.append(client.recv(timeout=10))
            if leaves == "rudely":
                client.socket.shutdown(socket.SHUT_RDWR)
    except InvalidStatus as refused:
        return got, refused.response.status_code
    except ConnectionClosed as closed:
        return got, closed.rcvd.code if closed.rcvd else None
    return got, "left"


def ended(metrics):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        readings = Readings(metrics)
        if readings.endings():
            assert readings.of("llm_requests_in_flight", model="chat") == 0
            assert readings.of("busysignal_metrics_errors") == 0
            return readings
        time.sleep(0.01)
    pytest.fail("the session should have ended")


@pytest.mark.parametrize(
    ("what", "how", "noted", "ending"),
    [
        pytest.param("all", {}, (["x"] * 3, 1000), ("ok", "101"), id="to its end"),
        pytest.param("busy", {}, (["x"] * 3, 1013), ("rejected", "101"), id="try again later"),
        pytest.param("refused", {}, ([], 403), ("ok", "403"), id="refused"),
        pytest.param(
            "all", {"says": "break"}, ([], None), ("failed_midstream", "101"), id="the app raises"
        ),
        pytest.param(
            "listens", {"leaves": "politely"}, (["x"] * 3, "left"), ("ok", "101"), id="client done"
        ),
        pytest.param(
            "listens",
            {"leaves": "rudely"},
            (["x"] * 3, "left"),
            ("client_gone", "101"),
            id="client lost",
        ),
    ],
)
def test_a_session_ends_as_its_client_saw_it(service, what, how, noted, ending):
    metrics, url = service

    assert session(f"{url}/{what}", **how) == noted
    assert ended(metrics).endings() == {ending: 1}


def test_each_message_is_a_chunk_and_the_route_is_a_template(service):
    metrics, url = service

    session(f"{url}/all")

    readings = ended(metrics)
    assert readings.of("llm_inter_token_latency_seconds_count", model="chat") == 2
    labels = {"route": "/talk/{what}", "outcome": "ok", "status": "101"}
    assert readings.of("llm_route_duration_seconds_count", **labels) == 1
