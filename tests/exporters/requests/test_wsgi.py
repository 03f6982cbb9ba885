"""The same endings over WSGI: Flask behind a real threaded server, clients with real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter

import httpx
import pytest
from flask import Flask, Response, request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.serving import WSGIRequestHandler, make_server

from exporters.requests import RequestMetrics, WsgiMetricsMiddleware, annotations_of, measure
from tests.exporters.requests.asgi import Readings

STEP = 0.03
CHUNKS = 5


def flask_app():
    app = Flask("service")

    def chunks(breaks_at=None, count=CHUNKS):
        for number in range(count):
            time.sleep(STEP)
            if number == breaks_at:
                raise RuntimeError("engine died")
            yield b"data: x\n\n"

    def streamed(**how):
        return Response(chunks(**how), mimetype="text/event-stream")

    @app.post("/<what>")
    def answer(what):
        request.get_data()
        match what:
            case "stream":
                return streamed()
            case "endless":
                return streamed(count=400)
            case "breaks":
                return streamed(breaks_at=2)
            case "fails":
                raise RuntimeError("engine died")
            case "busy":
                annotations_of(request.environ).reason = "queue_full"
                return "busy", 503
            case "limited":
                return "slow down", 429
            case "late":
                return "too late", 504
            case "usage":
                return {"usage": {"prompt_tokens": 7, "completion_tokens": 3}}
            case "slow":
                time.sleep(8 * STEP)
                return "ok"
            case "after":
                response = Response("ok")
                response.call_on_close(lambda: time.sleep(10 * STEP))
                return response
        return "nothing here", 404

    return app


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *said):
        pass


@pytest.fixture
def service():
    metrics = RequestMetrics(models=["chat"])
    app = measure(flask_app(), metrics)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.logger.disabled = True
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Service(metrics, server.server_address)
    server.shutdown()
    thread.join()
    server.server_close()


class Service:
    def __init__(self, metrics, address):
        self.metrics = metrics
        self.address = address
        self.url = "http://{}:{}".format(*address)

    def post(self, path):
        try:
            return str(httpx.post(f"{self.url}/{path}", timeout=20, trust_env=False).status_code)
        except httpx.HTTPError:
            return "broke off"

    def hang_up(self, path, *, after):
        with socket.create_connection(self.address) as client:
            client.sendall(
                f"POST /{path} HTTP/1.1\r\nHost: service\r\nContent-Length: 2\r\n\r\n{{}}".encode()
            )
            seen = b""
            while after and after not in seen:
                seen += client.recv(4096)

    def settled(self, requests):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            readings = Readings(self.metrics)
            if sum(readings.endings().values()) >= requests:
                assert readings.of("llm_requests_in_flight", model="chat") == 0
                assert readings.of("llm_requests_started", model="chat") == requests
                assert readings.of("busysignal_metrics_errors") == 0
                return readings
            time.sleep(0.01)
        pytest.fail(f"{requests} requests should have ended: {Readings(self.metrics).endings()}")


def test_the_server_counts_what_its_clients_saw(service):
    paths = ["stream", "busy", "limited", "late", "fails", "breaks", "nowhere", "slow", "busy"]
    noted = Counter(service.post(path) for path in paths)

    readings = service.settled(len(paths))

    assert noted == {"200": 2, "503": 2, "429": 1, "504": 1, "500": 1, "404": 1, "broke off": 1}
    assert readings.endings() == {
        ("ok", "200"): noted["200"],
        ("rejected", "503"): noted["503"],
        ("rejected", "429"): noted["429"],
        ("timeout", "504"): noted["504"],
        ("error", "500"): noted["500"],
        ("ok", "404"): noted["404"],
        ("failed_midstream", "200"): noted["broke off"],
    }
    assert readings.of("llm_requests_rejected", model="chat", reason="queue_full") == 2
    assert readings.of("llm_requests_rejected", model="chat", reason="rate_limit") == 1


@pytest.mark.parametrize(
    ("path", "after"),
    [
        pytest.param("endless", b"data", id="in the middle of a stream"),
        pytest.param("endless", b"", id="before a stream begins"),
        pytest.param("slow", b"", id="while the app works and does not listen"),
    ],
)
def test_a_client_that_hangs_up_is_gone(service, path, after):
    service.hang_up(path, after=after)

    ((ending, count),) = service.settled(1).endings().items()

    assert (ending[0], count) == ("client_gone", 1)


def test_a_stream_is_timed_to_its_first_and_to_its_last_byte(service):
    before = time.perf_counter()
    with httpx.stream("POST", f"{service.url}/stream", timeout=20, trust_env=False) as response:
        arrivals = [time.perf_counter() - before for _ in response.iter_raw()]
    whole = time.perf_counter() - before

    readings = service.settled(1)

    labels = {"model": "chat", "priority": "normal"}
    first = readings.of("llm_time_to_first_token_seconds_sum", **labels)
    assert STEP <= first <= arrivals[0]
    assert CHUNKS * STEP <= readings.of("llm_request_duration_seconds_sum", **labels) <= whole
    assert readings.of("llm_inter_token_latency_seconds_count", model="chat") == CHUNKS - 1
    assert readings.of("llm_generated_tokens", model="chat") == CHUNKS


def test_work_after_the_last_byte_is_not_the_requests(service):
    service.post("after")

    readings = service.settled(1)

    labels = {"model": "chat", "priority": "normal"}
    assert readings.of("llm_request_duration_seconds_sum", **labels) < 10 * STEP


def test_usage_is_read_off_an_answer_in_one_piece(service):
    service.post("usage")

    readings = service.settled(1)

    assert readings.of("llm_prompt_tokens", model="chat") == 7
    assert readings.of("llm_generated_tokens", model="chat") == 3
    labels = {"model": "chat", "priority": "normal"}
    assert readings.of("llm_time_to_first_token_seconds_count", **labels) == 0


def test_counting_from_many_threads_loses_nothing(service):
    threads = [
        threading.Thread(target=lambda: [service.post("busy") for _ in range(10)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert service.settled(80).endings() == {("rejected", "503"): 80}


class Broken(RequestMetrics):
    def arrived(self, *given):
        raise MemoryError("arrived")


PIECES = st.lists(st.binary(max_size=8), max_size=6)


@given(PIECES, st.booleans(), st.booleans(), st.booleans())
def test_pieces_pass_through_untouched_whatever_breaks(pieces, sized, breaks, storage_breaks):
    closed = []

    class Answer:
        def __iter__(self):
            yield from pieces
            if breaks:
                raise RuntimeError("engine died")

        def close(self):
            closed.append(True)

    def app(environ, start_response):
        start_response("200 OK", [("X-Y", "z")])
        return list(pieces) if sized else Answer()

    metrics = Broken() if storage_breaks else RequestMetrics()
    started = []
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/v1", "SCRIPT_NAME": ""}
    answer = WsgiMetricsMiddleware(app, metrics)(environ, lambda *said: started.append(said))
    taken = []
    with contextlib.suppress(RuntimeError):
        taken.extend(answer)
    if sized:
        assert len(answer) == len(pieces)
    else:
        assert not hasattr(answer, "__len__")
        answer.close()

    assert taken == pieces
    assert started == [("200 OK", [("X-Y", "z")])]
    assert closed == ([] if sized else [True])
    assert Readings(metrics).of("busysignal_metrics_errors") == storage_breaks
