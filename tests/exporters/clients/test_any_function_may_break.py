"""Whichever function of the measuring code raises, callers get what they would have."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import httpx
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from exporters.clients import (
    AsyncMeteredTransport,
    Caller,
    CircuitPolicy,
    ClientMetrics,
    Fallback,
    MeteredTransport,
    RetryPolicy,
)
from exporters.clients.requests_adapter import MeteredAdapter
from tests.exporters.breaking import Breaker, differing, each_break

ROOMS = ("exporters.clients.metrics", "exporters.clients.spans", "exporters.exposition")
GUARDS = {
    "exporters.clients.metrics.harmless.<locals>.guarded",
    "exporters.clients.metrics.ClientMetrics.failed",
    "exporters.clients.spans.AttemptSpans.__init__",
    "exporters.clients.spans.AttemptSpans.begin",
    "exporters.clients.spans.AttemptSpans.end",
}
"""They hold the `try`, or hand on what they were given."""

RETRY = RetryPolicy(attempts=2, backoff_seconds=0.001, backoff_cap_seconds=0.001)


def answer(request: httpx.Request) -> httpx.Response:
    what = request.url.path[1:]
    if what == "fails":
        raise httpx.ConnectError("nobody there")
    if request.url.host == "small":
        return httpx.Response(200, content=b"small")
    return httpx.Response(200 if what == "fine" else 503, content=b"chat")


def caller() -> Caller:
    return Caller(
        "chat",
        ClientMetrics(),
        retry=RETRY,
        circuit=CircuitPolicy(failures=2, open_seconds=60.0),
        fallbacks=[Fallback(name="small", url="http://small")],
    )


def asked(one: Caller, what: str) -> list[Any]:
    told: list[Any] = []
    with httpx.Client(transport=MeteredTransport(one, httpx.MockTransport(answer))) as client:
        for _ in range(3):  # the circuit opens on the way
            try:
                got = client.post(f"http://chat/{what}", json={})
                told.append((got.status_code, got.content))
            except httpx.TransportError as error:
                told.append(repr(error))
    return told


def asked_in_asyncio(one: Caller, what: str) -> list[Any]:
    async def ask() -> list[Any]:
        told: list[Any] = []
        transport = AsyncMeteredTransport(one, httpx.MockTransport(answer))
        async with httpx.AsyncClient(transport=transport) as client:
            for _ in range(3):
                try:
                    got = await client.post(f"http://chat/{what}", json={})
                    told.append((got.status_code, got.content))
                except httpx.TransportError as error:
                    told.append(repr(error))
        return told

    return asyncio.run(ask())


def requests_answer(
    self: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **options: Any
) -> requests.Response:
    """What `answer` says, as HTTPAdapter hands it on: the body is still to be read."""
    try:
        got = answer(httpx.Request("POST", str(request.url)))
    except httpx.ConnectError as error:
        raise requests.ConnectionError(str(error), request=request) from error
    response = requests.Response()
    response.status_code, response.raw = (
        got.status_code,
        HTTPResponse(io.BytesIO(got.content), status=got.status_code, preload_content=False),
    )
    response.url, response.request = str(request.url), request
    return response


def asked_by_requests(one: Caller, what: str) -> list[Any]:
    told: list[Any] = []
    with pytest.MonkeyPatch.context() as patch, requests.Session() as session:
        patch.setattr(HTTPAdapter, "send", requests_answer)
        session.mount("http://", MeteredAdapter(one))
        for _ in range(3):
            try:
                got = session.post(f"http://chat/{what}", json={})
                told.append((got.status_code, got.content))
            except requests.ConnectionError as error:
                told.append(repr(error))
    return told


@pytest.mark.parametrize("ask", [asked, asked_in_asyncio, asked_by_requests])
@pytest.mark.parametrize("what", ["fine", "busy", "fails"])
def test_the_answer_is_the_same_whichever_function_of_ours_raises(ask: Any, what: str) -> None:
    def make() -> Any:
        one = caller()
        return lambda: ask(one, what)

    told = each_break(Breaker(ROOMS, GUARDS), make)

    assert differing(told) == {}
    assert len(told) > 15
