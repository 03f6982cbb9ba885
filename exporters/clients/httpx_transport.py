"""httpx transports that retry, fall back and measure: `httpx.Client(transport=...)`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from typing import Final

import httpx
from tenacity import AsyncRetrying, RetryCallState, Retrying

from exporters.clients.call import Attempt, Body, Call, last_of
from exporters.clients.caller import Caller
from exporters.clients.policy import Fallback
from exporters.clients.readdress import body_at, headers_at, url_at

DRAINED_BYTES: Final = 65_536
"""A refused answer up to this length is read, so that its connection is kept."""

REASONS: Final[tuple[tuple[type[httpx.TransportError], str, str], ...]] = (
    (httpx.ConnectTimeout, "connect", "timeout"),
    (httpx.TimeoutException, "timeout", "timeout"),
    (httpx.ConnectError, "connect", "error"),
    (httpx.ProxyError, "connect", "error"),
    (httpx.NetworkError, "reset", "error"),
    (httpx.RemoteProtocolError, "reset", "error"),
)
"""What an error means: reason of a retry, outcome; others are the caller's own and not retried."""
OWN_POOL: Final = (None, "timeout")
"""No connection was free in the caller's own pool: nothing that the target did."""


class CircuitOpenError(httpx.TransportError):
    """The circuit breaker of the target is open: nothing was sent."""


class MeteredTransport(httpx.BaseTransport):
    """`httpx.Client(transport=MeteredTransport(Caller("chat", metrics)))`.

    `transport` does the sending; None is httpx's own with its defaults (proxies, certificates and
    limits are a transport's business). Status, headers and body reach the caller as they came.
    """

    def __init__(self, caller: Caller, transport: httpx.BaseTransport | None = None) -> None:
        self._caller = caller
        self._transport = transport or httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        call = _open(self._caller, request)
        try:
            attempt = self._retry(call, self._caller.target, request)
            for fallback in self._caller.fallbacks:
                if not call.wants_fallback(attempt):
                    break
                call.fall_back(attempt, fallback)
                _discard(attempt)
                attempt = self._retry(call, fallback.name, _readdressed(request, fallback))
        except BaseException:
            call.finish("client_gone")  # nothing but the caller's leaving (or a bug) comes here
            raise
        response = _answer(call, attempt, request)
        response.stream = _Stream(response.stream, Body(call, attempt))
        return response

    def close(self) -> None:
        self._transport.close()

    def _retry(self, call: Call, target: str, request: httpx.Request) -> Attempt:
        def before_sleep(state: RetryCallState) -> None:
            call.retrying(last_of(state), state.upcoming_sleep)
            _discard(last_of(state))

        first = self._attempt(call, target, request)
        if first.reason is None:
            return first  # as nearly all do: tenacity is for the others
        made = iter([first])
        retrying = Retrying(sleep=time.sleep, before_sleep=before_sleep, **call.hooks())
        return retrying(lambda: next(made, None) or self._attempt(call, target, request))

    def _attempt(self, call: Call, target: str, request: httpx.Request) -> Attempt:
        attempt = call.begin(target, str(request.url))
        if attempt.is_refused:
            return attempt
        try:
            response = self._transport.handle_request(_numbered(request, attempt))
        except httpx.TransportError as error:
            call.failed(attempt, error, *_meaning(error))
        except BaseException as error:
            call.abandoned(attempt, error)
            raise
        else:
            _judge(call, attempt, response)
        return attempt


class AsyncMeteredTransport(httpx.AsyncBaseTransport):
    """`httpx.AsyncClient(transport=AsyncMeteredTransport(Caller("chat", metrics)))`.

    As MeteredTransport, for asyncio.
    """

    def __init__(self, caller: Caller, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._caller = caller
        self._transport = transport or httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = _open(self._caller, request)
        try:
            attempt = await self._retry(call, self._caller.target, request)
            for fallback in self._caller.fallbacks:
                if not call.wants_fallback(attempt):
                    break
                call.fall_back(attempt, fallback)
                await _adiscard(attempt)
                attempt = await self._retry(call, fallback.name, _readdressed(request, fallback))
        except BaseException:
            call.finish("client_gone")  # nothing but the caller's leaving (or a bug) comes here
            raise
        response = _answer(call, attempt, request)
        response.stream = _AsyncStream(response.stream, Body(call, attempt))
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _retry(self, call: Call, target: str, request: httpx.Request) -> Attempt:
        async def before_sleep(state: RetryCallState) -> None:
            call.retrying(last_of(state), state.upcoming_sleep)
            await _adiscard(last_of(state))

        first = await self._attempt(call, target, request)
        if first.reason is None:
            return first  # as nearly all do: tenacity is for the others
        made = iter([first])

        async def attempt() -> Attempt:
            return next(made, None) or await self._attempt(call, target, request)

        retrying = AsyncRetrying(sleep=asyncio.sleep, before_sleep=before_sleep, **call.hooks())
        return await retrying(attempt)

    async def _attempt(self, call: Call, target: str, request: httpx.Request) -> Attempt:
        attempt = call.begin(target, str(request.url))
        if attempt.is_refused:
            return attempt
        try:
            response = await self._transport.handle_async_request(_numbered(request, attempt))
        except httpx.TransportError as error:
            call.failed(attempt, error, *_meaning(error))
        except BaseException as error:
            call.abandoned(attempt, error)
            raise
        else:
            _judge(call, attempt, response)
        return attempt


class _Stream(httpx.SyncByteStream):
    """A body as it is, its bytes noticed as they go by."""

    def __init__(self, stream: httpx.SyncByteStream | httpx.AsyncByteStream, body: Body) -> None:
        assert isinstance(stream, httpx.SyncByteStream)
        self._stream, self._body = stream, body

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                self._body.chunk()
                yield chunk
        except BaseException as error:
            self._body.broke(error)
            raise
        self._body.complete()

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._body.closed()


class _AsyncStream(httpx.AsyncByteStream):
    """As _Stream, for asyncio."""

    def __init__(self, stream: httpx.SyncByteStream | httpx.AsyncByteStream, body: Body) -> None:
        assert isinstance(stream, httpx.AsyncByteStream)
        self._stream, self._body = stream, body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                self._body.chunk()
                yield chunk
        except BaseException as error:
            self._body.broke(error)
            raise
        self._body.complete()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._body.closed()


def _open(caller: Caller, request: httpx.Request) -> Call:
    is_replayable = isinstance(request.stream, httpx.ByteStream)
    return Call(caller, request.method, request.headers, is_replayable=is_replayable)


def _numbered(request: httpx.Request, attempt: Attempt) -> httpx.Request:
    """The request with the attempt's headers; the caller's own stays as it is."""
    if not attempt.headers:
        return request
    own = httpx.Request(
        request.method,
        request.url,
        headers=request.headers,
        stream=request.stream,
        extensions=request.extensions,
    )
    own.headers.update(attempt.headers)
    return own


def _judge(call: Call, attempt: Attempt, response: httpx.Response) -> None:
    call.answered(attempt, response, response.status_code, response.headers.get("retry-after"))


def _answer(call: Call, attempt: Attempt, request: httpx.Request) -> httpx.Response:
    """The response of the last attempt, or its error raised."""
    if attempt.response is not None:
        response: httpx.Response = attempt.response
        return response
    call.finish(attempt.outcome)
    if attempt.is_refused:
        raise CircuitOpenError(f"circuit of {attempt.target} is open", request=request)
    assert attempt.error is not None
    raise attempt.error


def _readdressed(request: httpx.Request, fallback: Fallback) -> httpx.Request:
    return httpx.Request(
        request.method,
        url_at(fallback, str(request.url)),
        headers=headers_at(fallback, request.headers),
        content=body_at(fallback, request.read()),
        extensions=request.extensions,
    )


def _meaning(error: httpx.TransportError) -> tuple[str | None, str]:
    if isinstance(error, httpx.PoolTimeout):
        return OWN_POOL
    found = ((reason, outcome) for kind, reason, outcome in REASONS if isinstance(error, kind))
    return next(found, (None, "error"))


def _is_short(response: httpx.Response) -> bool:
    length = response.headers.get("content-length", "")
    return bool(length.isdecimal()) and int(length) <= DRAINED_BYTES


def _discard(attempt: Attempt) -> None:
    response: httpx.Response | None = attempt.response
    if response is not None:
        with contextlib.suppress(httpx.TransportError):
            if _is_short(response):
                response.read()
        response.close()


async def _adiscard(attempt: Attempt) -> None:
    response: httpx.Response | None = attempt.response
    if response is not None:
        with contextlib.suppress(httpx.TransportError):
            if _is_short(response):
                await response.aread()
        await response.aclose()
