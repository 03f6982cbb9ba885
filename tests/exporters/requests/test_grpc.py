"""The same endings over gRPC, unary and streaming, on both Python servers."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import grpc.aio
import pytest

from exporters.requests import RequestMetrics, annotations_of_call
from exporters.requests.grpc_aio import AioMetricsInterceptor
from exporters.requests.grpc_sync import MetricsInterceptor
from tests.exporters.requests.asgi import Readings

STEP = 0.03
CHUNKS = 4


class Threaded:
    """What is served by grpc.server."""

    def unary(self, request, context):
        if request == b"busy":
            annotations_of_call().reason = "queue_full"
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy")
        if request == b"bad":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad")
        if request == b"down":
            context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        if request == b"fails":
            raise RuntimeError("engine died")
        if request == b"stuck":
            until = time.monotonic() + 60
            while context.is_active() and time.monotonic() < until:
                time.sleep(STEP / 3)
        if request == b"tokens":
            notes = annotations_of_call()
            notes.priority, notes.prompt_tokens = "vip", 9
        return b"ok"

    def stream(self, request, context):
        for number in range(200 if request == b"endless" else CHUNKS):
            time.sleep(STEP)
            if request == b"breaks" and number == 2:
                raise RuntimeError("engine died")
            if request == b"full" and number == 2:
                context.abort(grpc.StatusCode.INTERNAL, "full")
            yield b"x"

    def collect(self, requests, context):
        return b"".join(requests)

    def echo(self, requests, context):
        yield from requests


class Looped:
    """What is served by grpc.aio.server."""

    async def unary(self, request, context):
        if request == b"busy":
            annotations_of_call().reason = "queue_full"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy")
        if request == b"bad":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad")
        if request == b"down":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        if request == b"fails":
            raise RuntimeError("engine died")
        if request == b"stuck":
            await asyncio.sleep(5)
        if request == b"tokens":
            notes = annotations_of_call()
            notes.priority, notes.prompt_tokens = "vip", 9
        return b"ok"

    async def stream(self, request, context):
        for number in range(200 if request == b"endless" else CHUNKS):
            await asyncio.sleep(STEP)
            if request == b"breaks" and number == 2:
                raise RuntimeError("engine died")
            if request == b"full" and number == 2:
                await context.abort(grpc.StatusCode.INTERNAL, "full")
            yield b"x"

    async def collect(self, requests, context):
        return b"".join([request async for request in requests])

    async def echo(self, requests, context):
        async for request in requests:
            await context.write(request)


def handlers(servicer):
    return grpc.method_handlers_generic_handler(
        "chat.Chat",
        {
            "Unary": grpc.unary_unary_rpc_method_handler(servicer.unary),
            "Stream": grpc.unary_stream_rpc_method_handler(servicer.stream),
            "Collect": grpc.stream_unary_rpc_method_handler(servicer.collect),
            "Echo": grpc.stream_stream_rpc_method_handler(servicer.echo),
        },
    )


class Service:
    def __init__(self, metrics, port):
        self.metrics = metrics
        self.target = f"127.0.0.1:{port}"
        self.channel = grpc.insecure_channel(self.target)

    def unary(self, request, method="Unary", **options):
        try:
            self.channel.unary_unary(f"/chat.Chat/{method}")(request, **{"timeout": 20, **options})
        except grpc.RpcError as error:
            return error.code().name
        return "OK"

    def stream(self, request, leaves_after=None, **options):
        call = self.channel.unary_stream("/chat.Chat/Stream")(request, **{"timeout": 20, **options})
        messages = 0
        try:
            for _ in call:
                messages += 1
                if messages == leaves_after:
                    call.cancel()
        except grpc.RpcError as error:
            return messages, error.code().name
        return messages, "OK"

    def settled(self, calls):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            readings = Readings(self.metrics)
            if sum(readings.endings().values()) >= calls:
                assert readings.of("llm_requests_in_flight", model="chat") == 0
                assert readings.of("llm_requests_started", model="chat") == calls
                assert readings.of("busysignal_metrics_errors") == 0
                return readings
            time.sleep(0.01)
        pytest.fail(f"{calls} calls should have ended: {Readings(self.metrics).endings()}")


def serve_threads(metrics, stopped, ports):
    server = grpc.server(ThreadPoolExecutor(8), interceptors=[MetricsInterceptor(metrics)])
    server.add_generic_rpc_handlers((handlers(Threaded()),))
    ports.append(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    stopped.wait()
    server.stop(0.2).wait()


def serve_loop(metrics, stopped, ports):
    async def serve():
        server = grpc.aio.server(interceptors=[AioMetricsInterceptor(metrics)])
        server.add_generic_rpc_handlers((handlers(Looped()),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        ports.append(port)
        await asyncio.to_thread(stopped.wait)
        await server.stop(0.2)

    asyncio.run(serve())


@pytest.fixture(params=[serve_threads, serve_loop], ids=["grpc.server", "grpc.aio.server"])
def service(request, caplog):
    caplog.set_level("CRITICAL")
    metrics, stopped, ports = RequestMetrics(models=["chat"]), threading.Event(), []
    thread = threading.Thread(target=request.param, args=(metrics, stopped, ports))
    thread.start()
    while not ports and thread.is_alive():
        time.sleep(0.01)
    service = Service(metrics, ports[0])
    yield service
    service.channel.close()
    stopped.set()
    thread.join()


@pytest.mark.parametrize(
    ("request_", "status", "outcome"),
    [
        (b"x", "OK", "ok"),
        (b"busy", "RESOURCE_EXHAUSTED", "rejected"),
        (b"down", "UNAVAILABLE", "rejected"),
        (b"bad", "INVALID_ARGUMENT", "ok"),
        (b"fails", "UNKNOWN", "error"),
    ],
)
def test_a_call_ends_as_its_client_was_told(service, request_, status, outcome):
    noted = service.unary(request_)

    readings = service.settled(1)

    assert noted == status
    assert readings.endings() == {(outcome, status): 1}
    if request_ == b"busy":
        assert readings.of("llm_requests_rejected", model="chat", reason="queue_full") == 1


def test_a_call_past_its_deadline_is_a_timeout(service):
    noted = service.unary(b"stuck", timeout=0.1)

    assert noted == "DEADLINE_EXCEEDED"
    assert service.settled(1).endings() == {("timeout", "DEADLINE_EXCEEDED"): 1}


def test_a_client_that_cancels_before_the_answer_is_gone(service):
    call = service.channel.unary_unary("/chat.Chat/Unary").future(b"stuck", timeout=20)
    while not Readings(service.metrics).of("llm_requests_in_flight", model="chat"):
        time.sleep(0.01)
    call.cancel()

    assert service.settled(1).endings() == {("client_gone", "CANCELLED"): 1}


def test_a_client_that_cancels_midstream_is_gone(service):
    messages, _ = service.stream(b"endless", leaves_after=2)

    assert messages == 2
    assert service.settled(1).endings() == {("client_gone", "CANCELLED"): 1}


@pytest.mark.parametrize(("how", "status"), [(b"breaks", "UNKNOWN"), (b"full", "INTERNAL")])
def test_a_stream_that_breaks_failed_midstream(service, how, status):
    noted = service.stream(how)

    assert noted == (2, status)
    assert service.settled(1).endings() == {("failed_midstream", status): 1}


def test_a_stream_is_timed_to_its_first_and_to_its_last_message(service):
    before = time.perf_counter()
    messages, status = service.stream(b"x")
    whole = time.perf_counter() - before

    readings = service.settled(1)

    assert (messages, status) == (CHUNKS, "OK")
    labels = {"model": "chat", "priority": "normal"}
    first = readings.of("llm_time_to_first_token_seconds_sum", **labels)
    seconds = readings.of("llm_request_duration_seconds_sum", **labels)
    assert STEP <= first < CHUNKS * STEP <= seconds <= whole + STEP
    assert readings.of("llm_inter_token_latency_seconds_count", model="chat") == CHUNKS - 1


def test_streams_of_requests_pass_through_untouched(service):
    sent = [b"a", b"", b"c"]

    collected = service.channel.stream_unary("/chat.Chat/Collect")(iter(sent), timeout=20)
    echoed = list(service.channel.stream_stream("/chat.Chat/Echo")(iter(sent), timeout=20))

    assert (collected, echoed) == (b"ac", sent)
    readings = service.settled(2)
    assert readings.endings() == {("ok", "OK"): 2}
    assert readings.of("llm_inter_token_latency_seconds_count", model="chat") == 2


def test_the_route_is_the_method_and_one_that_nobody_serves_is_other(service):
    noted = [service.unary(b"x"), service.unary(b"x", method="Made/Up")]

    readings = service.settled(2)

    assert noted == ["OK", "UNIMPLEMENTED"]
    found = {
        tuple(re.findall(r'"(.*?)"', labels))
        for (name, labels), value in readings.values.items()
        if name == "llm_route_duration_seconds_count" and value
    }
    assert found == {("/chat.Chat/Unary", "ok", "OK"), ("_other", "ok", "UNIMPLEMENTED")}


RETRYING = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 2,
                    "initialBackoff": "0.01s",
                    "maxBackoff": "0.01s",
                    "backoffMultiplier": 1,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)


def test_a_call_that_grpc_repeats_is_counted_as_resent(service):
    with grpc.insecure_channel(
        service.target, options=[("grpc.service_config", RETRYING)]
    ) as service.channel:
        noted = service.unary(b"down")

    readings = service.settled(2)
    assert noted == "UNAVAILABLE"
    assert readings.endings() == {("rejected", "UNAVAILABLE"): 2}
    assert readings.of("llm_requests_resent", model="chat") == 1


def test_a_call_that_no_user_made_moves_no_series_of_the_users(service):
    marked = [("x-busysignal-synthetic", "1")]
    assert service.unary(b"busy", metadata=marked) == "RESOURCE_EXHAUSTED"
    assert service.stream(b"x", metadata=marked) == (CHUNKS, "OK")
    assert service.unary(b"x") == "OK"

    readings = service.settled(1)
    told = {
        status: readings.of("llm_synthetic_requests", model="chat", outcome=outcome, status=status)
        for outcome, status in (("rejected", "RESOURCE_EXHAUSTED"), ("ok", "OK"))
    }
    assert told == {"RESOURCE_EXHAUSTED": 1, "OK": 1}
    assert readings.endings() == {("ok", "OK"): 1}


def test_what_the_app_says_of_a_call_is_counted(service):
    service.unary(b"tokens")

    readings = service.settled(1)

    assert readings.of("llm_prompt_tokens", model="chat") == 9
    assert readings.of("llm_request_duration_seconds_count", model="chat", priority="vip") == 1


class Broken(RequestMetrics):
    def arrived(self, *given):
        super().arrived(*given)
        raise MemoryError("arrived")

    def finished(self, *given):
        raise MemoryError("finished")


def test_a_storage_that_raises_changes_nothing_for_the_client(service, monkeypatch):
    monkeypatch.setattr(service.metrics, "finished", Broken().finished)
    assert service.unary(b"x") == "OK"
    assert service.stream(b"x") == (CHUNKS, "OK")
    monkeypatch.setattr(service.metrics, "arrived", Broken().finished)
    assert service.unary(b"busy") == "RESOURCE_EXHAUSTED"

    until = time.monotonic() + 60
    while Readings(service.metrics).of("busysignal_metrics_errors") < 3:
        assert time.monotonic() < until
        time.sleep(0.01)
