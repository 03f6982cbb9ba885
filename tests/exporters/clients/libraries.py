"""One way to call for all three client libraries, so that a test says what holds for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import requests
from prometheus_client.parser import text_string_to_metric_families

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

Send = Callable[..., tuple[int, bytes]]

FAST = RetryPolicy(backoff_seconds=0.01, backoff_cap_seconds=0.02)
BODY = {"model": "tiny", "prompt": "hello"}


def by_httpx(caller: Caller, url: str, method: str = "POST", **more: Any) -> tuple[int, bytes]:
    more = {"json": BODY, "timeout": 5.0, **more}
    with httpx.Client(transport=MeteredTransport(caller)) as client:
        response = client.request(method, url, **more)
        return response.status_code, response.content


def by_async_httpx(
    caller: Caller, url: str, method: str = "POST", **more: Any
) -> tuple[int, bytes]:
    more = {"json": BODY, "timeout": 5.0, **more}

    async def ask() -> tuple[int, bytes]:
        async with httpx.AsyncClient(transport=AsyncMeteredTransport(caller)) as client:
            response = await client.request(method, url, **more)
            return response.status_code, response.content

    return asyncio.run(ask())


def by_requests(caller: Caller, url: str, method: str = "POST", **more: Any) -> tuple[int, bytes]:
    more = {"json": BODY, "timeout": 5.0, **more}
    with requests.Session() as session:
        session.mount("http://", MeteredAdapter(caller))
        response = session.request(method, url, **more)
        return response.status_code, response.content


LIBRARIES = {"httpx": by_httpx, "async": by_async_httpx, "requests": by_requests}

TIMEOUTS = (httpx.TimeoutException, requests.Timeout)
ERRORS = (httpx.TransportError, requests.RequestException)


def caller(
    *,
    retry: RetryPolicy = FAST,
    circuit: CircuitPolicy | None = None,
    fallbacks: tuple[Fallback, ...] = (),
    **more: Any,
) -> Caller:
    return Caller(
        "chat", ClientMetrics(), retry=retry, circuit=circuit, fallbacks=fallbacks, **more
    )


def read(one: Caller, name: str, **labels: str) -> float | None:
    """The value of the one series that has these labels."""
    for family in text_string_to_metric_families(one.metrics.collect_text()):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    return None


def told(one: Caller, name: str) -> dict[tuple[str, ...], float]:
    """Every series of a name that is not zero, by its label values."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(one.metrics.collect_text())
        for sample in family.samples
        if sample.name == name and sample.value
    }
