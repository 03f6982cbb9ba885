"""A real uvicorn, real sockets: what the metrics say is what the clients wrote down."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections import Counter

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from exporters.exposition import metrics_app
from exporters.requests import MetricsMiddleware, RequestMetrics
from tests.exporters.requests.asgi import Readings

CHUNKS = 8
STEP = 0.03


async def stream(request: Request):
    async def chunks():
        for _ in range(CHUNKS):
            await asyncio.sleep(STEP)
            yield b"data: x\n\n"

    return StreamingResponse(chunks())


async def breaks(request: Request):
    async def chunks():
        yield b"data: x\n\n"
        await asyncio.sleep(STEP)
        raise RuntimeError("engine died")

    return StreamingResponse(chunks())


async def slow(request: Request):
    await request.body()
    await asyncio.sleep(CHUNKS * STEP)
    return PlainTextResponse("ok")


released = threading.Event()


async def held(request: Request):
    await asyncio.to_thread(released.wait, 20)
    return PlainTextResponse("ok")


async def busy(request: Request):
    request.scope["busysignal"].reason = "queue_full"
    return PlainTextResponse("busy", status_code=503)


class Service:
    """The measured app behind a uvicorn in a thread."""

    def __init__(self, metrics):
        self.metrics = metrics
        routes = [
            Route(f"/{handler.__name__}", handler, methods=["POST"])
            for handler in (stream, breaks, slow, held, busy)
        ]
        app = Starlette(routes=[*routes, Route("/metrics", metrics_app(metrics))])
        config = uvicorn.Config(
            MetricsMiddleware(app, metrics), log_config=None, lifespan="off", ws="none"
        )
        self.server = uvicorn.Server(config)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.url = "http://{}:{}".format(*self.address)
        self.thread = threading.Thread(target=self.server.run, args=([self.listener],))

    def settled(self, requests):
        """The metrics once so many requests have ended."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            readings = Readings(self.metrics)
            if sum(readings.endings().values()) >= requests:
                return readings
            time.sleep(0.01)
        pytest.fail(f"{requests} requests should have ended: {Readings(self.metrics).endings()}")


@pytest.fixture
def service():
    service = Service(RequestMetrics(models=["chat"]))
    service.thread.start()
    yield service
    service.server.should_exit = True
    service.thread.join()
    service.listener.close()


def post(service, path):
    """Send one request; give back what the client would note down."""
    try:
        return str(httpx.post(f"{service.url}/{path}", timeout=20).status_code)
    except httpx.RemoteProtocolError:
        return "broke off"


def hang_up(service, path, *, after):
    """Send one request and close the socket, before or in the middle of the answer."""
    with socket.create_connection(service.address) as client:
        client.sendall(
            f"POST /{path} HTTP/1.1\r\nHost: service\r\nContent-Length: 2\r\n\r\n{{}}".encode()
        )
        seen = b""
        while after and after not in seen:
            seen += client.recv(4096)


def test_the_server_counts_what_its_clients_saw(service):
    noted = Counter(post(service, path) for path in ["stream", "busy", "breaks", "nowhere", "busy"])

    readings = service.settled(5)

    assert noted == {"200": 1, "503": 2, "broke off": 1, "404": 1}
    assert readings.endings() == {
        ("ok", "200"): noted["200"],
        ("rejected", "503"): noted["503"],
        ("failed_midstream", "200"): noted["broke off"],
        ("ok", "404"): noted["404"],
    }
    assert readings.of("llm_requests_rejected", model="chat", reason="queue_full") == 2


@pytest.mark.parametrize(
    ("path", "after"),
    [
        pytest.param("stream", b"data", id="in the middle of a stream"),
        pytest.param("stream", b"", id="before a stream begins"),
        pytest.param("slow", b"", id="while the app works and does not listen"),
    ],
)
def test_a_client_that_hangs_up_is_gone(service, path, after):
    hang_up(service, path, after=after)

    ((ending, count),) = service.settled(1).endings().items()

    assert ending[0] == "client_gone"
    assert count == 1


def test_a_client_that_waits_for_a_slow_answer_gets_it(service):
    noted = post(service, "slow")

    assert noted == "200"
    assert service.settled(1).endings() == {("ok", "200"): 1}


def test_the_server_is_not_slower_than_its_client_says(service):
    before = time.perf_counter()
    with httpx.stream("POST", f"{service.url}/stream", timeout=20) as response:
        arrivals = [time.perf_counter() - before for _ in response.iter_raw()]

    readings = service.settled(1)
    whole = time.perf_counter() - before
    labels = {"model": "chat", "priority": "normal"}
    assert STEP <= readings.of("llm_time_to_first_token_seconds_sum", **labels) <= arrivals[0]
    assert CHUNKS * STEP <= readings.of("llm_request_duration_seconds_sum", **labels) <= whole
    assert readings.of("llm_inter_token_latency_seconds_count", model="chat") == CHUNKS - 1


def test_in_flight_is_what_the_clients_have_open(service):
    released.clear()
    clients = [threading.Thread(target=post, args=(service, "held")) for _ in range(5)]
    for client in clients:
        client.start()
    until = time.monotonic() + 60
    while in_flight(service) < 5 and time.monotonic() < until:
        time.sleep(0.01)
    open_requests = in_flight(service)
    released.set()
    for client in clients:
        client.join()

    assert open_requests == 5
    assert service.settled(5).of("llm_requests_in_flight", model="chat") == 0


def in_flight(service):
    return Readings(service.metrics).of("llm_requests_in_flight", model="chat")


def test_the_page_is_served_beside_the_traffic(service):
    post(service, "busy")
    service.settled(1)

    page = httpx.get(f"{service.url}/metrics").text

    assert 'llm_requests_total{model="chat",outcome="rejected",status="503"} 1.0' in page
    assert "process_start_time_seconds" in page


def test_a_storm_of_clients_that_hang_up_leaves_nothing_in_flight(service):
    with contextlib.ExitStack() as storm:
        for _ in range(20):
            client = storm.enter_context(socket.create_connection(service.address))
            client.sendall(b"POST /stream HTTP/1.1\r\nHost: service\r\nContent-Length: 2\r\n\r\n{}")

    readings = service.settled(20)

    assert {ending[0]: count for ending, count in readings.endings().items()} == {"client_gone": 20}
    assert readings.of("llm_requests_in_flight", model="chat") == 0
