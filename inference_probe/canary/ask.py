"""One attempt over a fresh connection: resolve, connect, TLS, headers, first token, the rest."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import secrets
import socket
import ssl
import time
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any, Final

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from exporters.clients.retry_after import retry_after_seconds
from exporters.errors import UsageError
from inference_probe.canary.answer import Answer
from inference_probe.canary.attempt import Attempt
from inference_probe.canary.config import CanarySection, TargetSection
from inference_probe.canary.phases import Phases
from inference_probe.canary.refusal import reason_and_detail
from inference_probe.canary.request import body_of, headers_of, tls_context

MAX_ANSWER_BYTES: Final = 1 << 20
MAX_REFUSAL_BYTES: Final = 1 << 16
READ_OUT_SECONDS: Final = 1.0
BUSY_STATUSES: Final = frozenset({429, 503})
TIMED_OUT_IN: Final = {"first_token": "first_token", "headers": "first_token", "stream": "stream"}
FAILED_IN: Final = {"resolve": "dns_error", "connect": "connect_error", "tls": "tls_error"}


class TooLongError(Exception):
    """The answer is far longer than asked for."""


class Asker:
    """Sends attempts to one target; the TLS context is made once."""

    def __init__(self, section: CanarySection, target: TargetSection) -> None:
        self._section = section
        self.target = target
        self._tls = tls_context(target)

    async def ask(self, number: int = 0) -> Attempt:
        """Make one attempt; whatever happens is told by its outcome, never raised."""
        attempt = Attempt(self.target.name, self.target.model, number)
        attempt.request_id = f"canary-{secrets.token_hex(8)}"
        phases, started = Phases(), perf_counter()
        try:
            async with asyncio.timeout(self._section.timeout_seconds):
                await self._converse(attempt, phases)
        except (TimeoutError, httpx.TimeoutException, OSError, httpx.TransportError) as error:
            if phases.over_at is None:
                _tell_break(attempt, phases, error)
        except UsageError as error:
            attempt.failed("probe_error", str(error))
        except Exception as error:  # noqa: BLE001 - one endpoint's surprise must not end the canary
            attempt.failed("probe_error", repr(error))
        attempt.phases = phases.took
        attempt.total = (phases.over_at or perf_counter()) - started
        attempt.ended = time.time()
        return attempt

    async def _converse(self, attempt: Attempt, phases: Phases) -> None:
        addresses: list[str | None] = [*await _resolve(httpx.URL(self.target.address))]
        if addresses:
            phases.end()
        for left, address in reversed(list(enumerate(reversed(addresses or [None])))):
            request = self._request(attempt.request_id, phases, address)
            # Fresh for each attempt, or resolving, connecting and TLS would not be measured.
            async with httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False) as transport:
                try:
                    response = await transport.handle_async_request(request)
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    if not left or phases.now != "connect":
                        raise
                    continue  # the next address of the same name
                response.request = request
                phases.end("first_token")
                try:
                    await self._take(attempt, phases, response)
                finally:
                    await response.aclose()
                return

    def _request(self, request_id: str, phases: Phases, address: str | None) -> httpx.Request:
        url = httpx.URL(self.target.address)
        request = httpx.Request(
            "POST",
            url,
            json=body_of(self.target),
            headers=headers_of(self.target, request_id),
            extensions={
                "trace": phases.trace,
                "sni_hostname": url.host,
                "timeout": {"connect": self._section.connect_timeout_seconds},
            },
        )
        if address is not None:
            request.url = url.copy_with(host=address)  # the Host header keeps the name
        return request

    async def _take(self, attempt: Attempt, phases: Phases, response: httpx.Response) -> None:
        attempt.status = response.status_code
        attempt.certificate_expiry = _certificate_expiry(response)
        attempt.retry_after = self._asked_rest(response)
        if response.status_code == 200:
            await _read_answer(self.target, attempt, phases, response)
        else:
            await _read_refusal(attempt, phases, response)

    def _asked_rest(self, response: httpx.Response) -> float | None:
        seconds = retry_after_seconds(response.headers.get("retry-after"))
        return None if seconds is None else min(seconds, self._section.retry_after_cap_seconds)


async def _read_answer(
    target: TargetSection, attempt: Attempt, phases: Phases, response: httpx.Response
) -> None:
    answer = Answer(target)
    response.stream = _Bounded(response.stream, MAX_ANSWER_BYTES)
    async with contextlib.aclosing(EventSource(response).aiter_sse()) as events:
        try:
            await _read_events(answer, attempt, phases, events)
        except SSEError:
            kind = response.headers.get("content-type", "no content-type")
            answer.failure = "not_streamed", f"asked for text/event-stream, got {kind}"
        except TooLongError:
            answer.failure = "too_long", f"more than {MAX_ANSWER_BYTES} bytes"
        except httpx.TransportError as error:
            answer.failure = "truncated", _told(error)
        if phases.now == "stream":
            phases.end()
        phases.over_at = perf_counter()
        answer.judge(attempt)
        if answer.is_done:
            await _read_out(events)


async def _read_events(
    answer: Answer, attempt: Attempt, phases: Phases, events: AsyncIterator[ServerSentEvent]
) -> None:
    last: float | None = None
    async for event in events:
        if answer.take(event.data, event.event):
            if last is None:
                last = phases.end("stream")
                attempt.first_token = last - (phases.sent_at or last)
            else:
                moment = perf_counter()
                attempt.gaps.append(moment - last)
                last = moment
        if answer.is_done or answer.failure:
            return


async def _read_out(events: AsyncIterator[object]) -> None:
    """Wait for the stream's own end: to a server, who closes at [DONE] has hung up on it."""
    with contextlib.suppress(TimeoutError, TooLongError, httpx.TransportError):
        async with asyncio.timeout(READ_OUT_SECONDS):
            async for _ in events:
                pass


async def _read_refusal(attempt: Attempt, phases: Phases, response: httpx.Response) -> None:
    response.stream = _Bounded(response.stream, MAX_REFUSAL_BYTES)
    body = b""
    # The status is the answer; what its body says comes second.
    with contextlib.suppress(httpx.TransportError, TooLongError, TimeoutError):
        async with asyncio.timeout(READ_OUT_SECONDS):
            async for chunk in response.aiter_bytes():
                body += chunk
    phases.over_at = perf_counter()
    reason, detail = reason_and_detail(body)
    status = response.status_code
    attempt.failed(_outcome_of(status), f"HTTP {status}: {detail or 'no body'}")
    if attempt.outcome == "busy":
        attempt.busy_reason = reason


def _outcome_of(status: int) -> str:
    if status in BUSY_STATUSES:
        return "busy"
    if status >= 500:
        return "server_error"
    if 300 <= status < 400:
        return "redirected"
    return "refused" if status >= 400 else "not_streamed"


class _Bounded(httpx.AsyncByteStream):
    """A body's bytes, up to a limit: an endless line would fill the memory otherwise."""

    def __init__(self, stream: Any, limit: int) -> None:
        self._stream, self._left = stream, limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise TooLongError
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _resolve(url: httpx.URL) -> list[str]:
    """The addresses of a name in the system's order; none for what is an address already."""
    try:
        ipaddress.ip_address(url.host)
    except ValueError:
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))
    return []


def _certificate_expiry(response: httpx.Response) -> float | None:
    network = response.extensions.get("network_stream")
    tls = network.get_extra_info("ssl_object") if network is not None else None
    certificate = tls.getpeercert() if tls is not None else None
    return ssl.cert_time_to_seconds(certificate["notAfter"]) if certificate else None


def _tell_break(attempt: Attempt, phases: Phases, error: BaseException) -> None:
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        what = TIMED_OUT_IN.get(phases.now, "connect")
        attempt.failed(f"timeout_{what}", f"no end of phase {phases.now}")
    elif attempt.status is not None:
        attempt.failed("truncated", _told(error))
    else:
        attempt.failed(FAILED_IN.get(phases.now, "disconnected"), _told(error))


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__
