"""Streamed answers: latency to the last byte, the bytes as they came, and how they may end."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from exporters.catalog.clients import SIGNALS
from exporters.clients import (
    NO_RETRY,
    AsyncMeteredTransport,
    Caller,
    CircuitPolicy,
    Fallback,
    MeteredTransport,
    RetryPolicy,
)
from exporters.clients.readdress import body_at, headers_at, url_at
from exporters.clients.requests_adapter import MeteredAdapter
from exporters.clients.retry_after import retry_after_seconds
from exporters.errors import UsageError
from tests.endpoints import Wire, endpoint
from tests.exporters.clients.libraries import LIBRARIES, Send, caller, read, told

CHUNKS = [b"data: one\n\n", b"data: two\n\n", b"data: [DONE]\n\n"]


def slowly(wire: Wire) -> None:
    wire.headers("200 OK", "text/event-stream", "transfer-encoding: chunked")
    for chunk in CHUNKS:
        wire.send(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        wire.wait(0.1)
    wire.send("0\r\n\r\n")


def cut(wire: Wire) -> None:
    wire.headers("200 OK", "text/event-stream", "transfer-encoding: chunked")
    wire.send(b"5\r\nhello\r\n")
    wire.wait(0.1)
    wire.reset()


def by_httpx(one: Caller, url: str, take: int | None = None) -> bytes:
    got = b""
    with (
        httpx.Client(transport=MeteredTransport(one)) as client,
        client.stream("POST", url, timeout=5) as response,
    ):
        for number, chunk in enumerate(response.iter_raw(), 1):
            got += chunk
            if number == take:
                break
    return got


def by_async_httpx(one: Caller, url: str, take: int | None = None) -> bytes:
    async def ask() -> bytes:
        got = b""
        async with (
            httpx.AsyncClient(transport=AsyncMeteredTransport(one)) as client,
            client.stream("POST", url, timeout=5) as response,
        ):
            chunks = response.aiter_raw()
            number = 0
            async for chunk in chunks:
                number += 1
                got += chunk
                if number == take:
                    break
            await chunks.aclose()  # type: ignore[attr-defined]  # it is a generator
        return got

    return asyncio.run(ask())


def by_requests(one: Caller, url: str, take: int | None = None) -> bytes:
    got = b""
    with requests.Session() as session:
        session.mount("http://", MeteredAdapter(one))
        with session.post(url, stream=True, timeout=5) as response:
            for number, chunk in enumerate(response.iter_content(None), 1):
                got += chunk
                if number == take:
                    break
    return got


STREAMS = {"httpx": by_httpx, "async": by_async_httpx, "requests": by_requests}


@pytest.fixture(params=STREAMS)
def stream(request: pytest.FixtureRequest) -> Any:
    return STREAMS[request.param]


def test_latency_reaches_to_the_last_byte_and_the_first_byte_is_seen(stream: Any) -> None:
    one = caller()
    with endpoint(slowly) as served:
        assert stream(one, served.url) == b"".join(CHUNKS)

    first = read(one, "client_time_to_first_byte_seconds_sum", target="chat")
    assert first is not None
    assert first < 0.15
    assert (read(one, "client_request_duration_seconds_sum", outcome="ok") or 0) >= 0.2
    assert (read(one, "client_attempt_duration_seconds_sum", target="chat") or 0) >= 0.2
    assert told(one, "client_requests_total") == {("chat", "ok"): 1}


def test_a_stream_that_breaks_off_is_failed_midstream(stream: Any) -> None:
    one = caller()
    with endpoint(cut) as served, pytest.raises((httpx.TransportError, requests.RequestException)):
        stream(one, served.url)

    assert told(one, "client_requests_total") == {("chat", "failed_midstream"): 1}
    assert told(one, "client_attempts_total") == {("chat", "failed_midstream", "200"): 1}
    assert told(one, "client_requests_in_flight") == {}


def test_a_caller_who_leaves_early_is_told_apart(stream: Any) -> None:
    one = caller()
    with endpoint(slowly) as served:
        assert stream(one, served.url, take=1) == CHUNKS[0]

    assert told(one, "client_requests_total") == {("chat", "client_gone"): 1}
    assert told(one, "client_requests_in_flight") == {}


def test_a_refusal_that_nobody_reads_is_a_refusal() -> None:
    one = caller(retry=NO_RETRY)
    with (
        endpoint(lambda wire: wire.answer("503 Busy", "no")) as served,
        httpx.Client(transport=MeteredTransport(one), trust_env=False) as client,
        client.stream("POST", served.url) as answer,
    ):
        assert answer.status_code == 503

    assert told(one, "client_requests_total") == {("chat", "rejected"): 1}
    assert told(one, "client_attempts_total") == {("chat", "rejected", "503"): 1}


@pytest.mark.parametrize("send", LIBRARIES.values(), ids=LIBRARIES)
def test_a_compressed_body_arrives_as_without_us(send: Send) -> None:
    text = b"words " * 1000

    def script(wire: Wire) -> None:
        body = gzip.compress(text)
        wire.headers("200 OK", "text/plain", f"content-length: {len(body)}",
                     "content-encoding: gzip")  # fmt: skip
        wire.send(body)

    with endpoint(script) as served:
        assert send(caller(), served.url) == (200, text)


@pytest.mark.parametrize("send", LIBRARIES.values(), ids=LIBRARIES)
def test_a_body_that_can_be_read_once_is_sent_once(send: Send) -> None:
    def parts() -> Iterator[bytes]:
        yield b"{}"

    async def aparts() -> Any:
        yield b"{}"

    one = caller()
    body: dict[str, Any] = {"content": parts()}
    if send is LIBRARIES["async"]:
        body = {"content": aparts()}
    elif send is LIBRARIES["requests"]:
        body = {"data": parts()}
    with endpoint(lambda wire: wire.answer("503 Busy", "no")) as served:
        assert send(one, served.url, json=None, **body)[0] == 503
        assert len(served.requests) == 1

    assert told(one, "client_give_ups_total") == {("chat", "not_repeatable"): 1}


def test_a_cancelled_wait_is_a_caller_who_left_and_holds_nothing() -> None:
    one = caller()

    async def ask(url: str) -> None:
        transport = AsyncMeteredTransport(one)
        async with httpx.AsyncClient(transport=transport) as client, asyncio.timeout(0.2):
            await client.post(url)

    def refuse(wire: Wire) -> None:
        wire.answer("503 Busy", "no", "retry-after: 30")

    with endpoint(refuse) as served, pytest.raises(TimeoutError):
        asyncio.run(ask(served.url))

    assert told(one, "client_requests_total") == {("chat", "client_gone"): 1}
    assert told(one, "client_attempts_total") == {("chat", "rejected", "503"): 1}
    assert told(one, "client_requests_in_flight") == {}


def test_a_cancelled_attempt_says_nothing_of_the_target() -> None:
    one = caller()

    async def ask(url: str) -> None:
        transport = AsyncMeteredTransport(one)
        async with httpx.AsyncClient(transport=transport) as client, asyncio.timeout(0.2):
            await client.post(url)

    with endpoint(lambda wire: wire.wait()) as served, pytest.raises(TimeoutError):
        asyncio.run(ask(served.url))

    assert told(one, "client_attempts_total") == {("chat", "client_gone", "none"): 1}
    assert told(one, "client_requests_total") == {("chat", "client_gone"): 1}


def test_the_page_is_what_prometheus_reads(promtool: Path) -> None:
    with (
        endpoint(lambda wire: wire.answer("503 Busy", "no")) as first,
        endpoint(slowly) as second,
    ):
        spare = Fallback(name="spare", url=second.url)
        one = caller(circuit=CircuitPolicy(failures=2), fallbacks=(spare,))
        assert by_httpx(one, first.url) == b"".join(CHUNKS)
    page = one.metrics.collect_text()

    checked = subprocess.run(
        [promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    assert (checked.stderr, checked.returncode) == ("", 0)
    # Told from the catalogue, so that none is forgotten.
    assert [one.name for one in SIGNALS if f"# TYPE {one.name}" not in page] == []


def test_many_threads_share_one_client_and_nothing_is_lost() -> None:
    one = caller()

    def script(wire: Wire) -> None:
        wire.answer("503 Busy", "no") if wire.number % 3 == 0 else wire.answer("200 OK", "fine")

    with (
        endpoint(script) as served,
        httpx.Client(transport=MeteredTransport(one), timeout=10) as client,
    ):
        threads = [
            threading.Thread(target=lambda: [client.post(served.url) for _ in range(10)])
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sum(told(one, "client_requests_total").values()) == 60
    attempts = sum(told(one, "client_attempts_total").values())
    assert attempts == len(served.requests)
    assert attempts == 60 + sum(told(one, "client_retries_total").values())
    assert told(one, "client_requests_in_flight") == {}


NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("7", 7.0, id="seconds"),
        pytest.param(" 0.5 ", 0.5, id="a fraction"),
        pytest.param("Mon, 21 Sep 2026 14:13:30 GMT", 10.0, id="a date"),
        pytest.param("Mon, 21 Sep 2020 14:13:30 GMT", 0.0, id="a date that is past"),
        pytest.param("-5", None, id="negative"),
        pytest.param("", None, id="empty"),
        pytest.param("soon", None, id="a word"),
        pytest.param("٣", None, id="digits of another script"),
        pytest.param(None, None, id="missing"),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, lambda: NOW) == seconds


@given(st.text())
def test_no_retry_after_breaks_the_client(value: str) -> None:
    seconds = retry_after_seconds(value, time.time)

    assert seconds is None or seconds >= 0


@given(st.binary())
def test_a_body_that_is_no_json_object_goes_to_the_fallback_as_it_is(body: bytes) -> None:
    assert body_at(Fallback(name="f", url="http://f"), body) == body
    if not body.lstrip().startswith(b"{"):
        assert body_at(Fallback(name="f", url="http://f", model="m"), body) == body


def test_a_fallback_address_keeps_path_and_query() -> None:
    fallback = Fallback(name="f", url="https://f.example/api/", headers={"X-Priority": "low"})

    assert url_at(fallback, "http://a:1/v1/x?y=1") == "https://f.example/api/v1/x?y=1"
    assert headers_at(fallback, {"Cookie": "c", "x-priority": "vip", "accept": "*/*"}) == {
        "accept": "*/*",
        "X-Priority": "low",
    }


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"attempts": 0}, "attempts = 0: give 1 (no retry) or more"),
        (
            {"backoff_seconds": 60.0},
            "backoff_seconds = 60.0: give more than 0 and at most backoff_cap_seconds (30.0)",
        ),
        (
            {"budget_ratio": -1.0},
            "budget_ratio = -1.0: give a share such as 0.2, or None for any",
        ),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(policy: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        RetryPolicy(**policy)

    assert str(error.value) == message
