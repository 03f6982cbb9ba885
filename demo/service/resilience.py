"""Calls to replicas: retries with backoff and jitter, and ejection of replicas that keep failing.

Retries are tenacity's, circuit breakers purgatory's: a replica that fails five times in a row is
out of rotation until its circuit lets one request through again. A busy replica (503) is retried
elsewhere but is not broken, and a client that hangs up says nothing about the replica.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from opentelemetry.trace import StatusCode, Tracer
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from demo.service import tracing
from demo.service.calls import Calls
from demo.service.config import GatewayConfig
from demo.service.routing import NoReplicaError, Replica, Router
from exporters.requests import RequestMetrics
from exporters.telemetry import Attempts

log = logging.getLogger("gateway.replicas")


class ReplicaBusyError(Exception):
    """The replica's own queue is full."""


class ReplicaFailedError(Exception):
    """The replica did not answer, or answered with an error of its own."""


@dataclass
class Attempt:
    """One call to one replica, from its start to its last byte."""

    replica: Replica
    number: int
    calls: Attempts
    response: httpx.Response | None = None
    first: bytes = b""
    rest: AsyncIterator[bytes] = field(init=False)
    started: float = field(default_factory=time.monotonic)
    outcome: str = "client_gone"


class ReplicaPool:
    """Opens a stream on some replica; what can be mended by another attempt is."""

    def __init__(
        self,
        config: GatewayConfig,
        calls: Calls,
        metrics: RequestMetrics,
        tracer: Tracer,
    ) -> None:
        self.config, self.calls, self.metrics = config, calls, metrics
        self.router = Router(config.replicas)
        self.tracer = tracer
        self.circuits = AsyncCircuitBreakerFactory(
            default_threshold=config.ejection_errors,
            default_ttl=config.ejection_seconds,
            exclude=[ReplicaBusyError, asyncio.CancelledError],
        )
        self.circuits.add_listener(self._circuit_changed)
        for name in config.replicas:
            metrics.ejected(name, is_ejected=False)

    @asynccontextmanager
    async def stream(self, path: str, body: bytes, request_id: str) -> AsyncIterator[Attempt]:
        """Open the answer to a request, with its first bytes read.

        Raises ReplicaBusyError, ReplicaFailedError or NoReplicaError once no attempt is left.
        """
        attempt = await self._open(path, body, request_id)
        try:
            yield attempt
        finally:
            await self._close(attempt)

    async def _open(self, path: str, body: bytes, request_id: str) -> Attempt:
        tried: list[str] = []
        calls = Attempts(self.tracer)
        async for trial in AsyncRetrying(
            stop=stop_after_attempt(self.config.attempts),
            wait=wait_exponential_jitter(
                multiplier=self.config.backoff_seconds,
                max=self.config.backoff_cap_seconds,
                jitter=self.config.backoff_seconds,
            ),
            retry=retry_if_exception_type((ReplicaBusyError, ReplicaFailedError)),
            reraise=True,
        ):
            with trial:
                replica = self.router.pick(tried)
                tried.append(replica.name)
                attempt = Attempt(replica, len(tried) - 1, calls)
                await self._guarded(attempt, path, body, request_id)
        return attempt

    async def _guarded(self, attempt: Attempt, path: str, body: bytes, request_id: str) -> None:
        circuit = await self.circuits.get_breaker(attempt.replica.name)
        attempt.replica.in_flight += 1
        try:
            async with circuit:
                await self._send(attempt, path, body, request_id)
        except OpenedState:
            await self._close(attempt)
            raise NoReplicaError from None
        except BaseException:  # a cancelled request, too, gives its place at the replica back
            await self._close(attempt)
            raise

    async def _send(self, attempt: Attempt, path: str, body: bytes, request_id: str) -> None:
        with attempt.calls.attempt(**{"server.address": attempt.replica.name}) as span:
            headers = tracing.outgoing(
                {"content-type": "application/json", "x-request-id": request_id}
            )
            if not self.config.keeps_connections:
                headers["connection"] = "close"
            try:
                async with asyncio.timeout(self.config.first_token_timeout_seconds):
                    await self._first_bytes(attempt, path, body, headers)
            except (httpx.HTTPError, TimeoutError, StopAsyncIteration) as error:
                attempt.outcome = "timeout" if isinstance(error, TimeoutError) else "error"
                log.warning("replica %s failed: %r", attempt.replica.name, error)
                raise ReplicaFailedError(repr(error)) from error
            finally:
                if attempt.response is not None:
                    status = attempt.response.status_code
                    span.set_attribute("http.response.status_code", status)
                    if status >= 500:
                        span.set_status(StatusCode.ERROR)

    async def _first_bytes(
        self, attempt: Attempt, path: str, body: bytes, headers: dict[str, str]
    ) -> None:
        url = attempt.replica.url + path
        client = self.calls.to(attempt.replica.name)
        request = client.build_request("POST", url, content=body, headers=headers)
        attempt.response = await client.send(request, stream=True)
        status = attempt.response.status_code
        if status == 503:
            attempt.outcome = "rejected"
            log.warning("replica %s is busy (attempt %d)", attempt.replica.name, attempt.number + 1)
            raise ReplicaBusyError(attempt.replica.name)
        if status >= 500:
            attempt.outcome = "error"
            log.warning("replica %s answered %d", attempt.replica.name, status)
            raise ReplicaFailedError(f"{attempt.replica.name} answered {status}")
        attempt.rest = attempt.response.aiter_raw()
        attempt.first = await anext(attempt.rest)

    async def _close(self, attempt: Attempt) -> None:
        attempt.replica.in_flight -= 1
        seconds = time.monotonic() - attempt.started
        self.metrics.attempt(attempt.replica.name, attempt.outcome, seconds)
        if attempt.response is not None:
            await attempt.response.aclose()

    def _circuit_changed(self, name: str, kind: str, event: Any) -> None:
        if kind != "state_changed":
            return
        replica = self.router.replicas[name]
        replica.ejected = event.state == "opened"
        self.metrics.ejected(name, is_ejected=replica.ejected)
        if replica.ejected:
            log.warning("replica %s is out of rotation", name)
            loop = asyncio.get_running_loop()
            loop.call_later(self.config.ejection_seconds, self._try_again, replica)
        elif event.state == "closed":
            log.warning("replica %s is back in rotation", name)

    def _try_again(self, replica: Replica) -> None:
        """Let the router offer the replica; its circuit decides with the first request."""
        replica.ejected = False
        self.metrics.ejected(replica.name, is_ejected=False)
