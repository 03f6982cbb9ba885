"""A `requests` adapter that retries, falls back and measures: `session.mount("https://", ...)`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying
from urllib3.exceptions import HTTPError, NewConnectionError

from exporters.clients.call import Attempt, Body, Call, last_of
from exporters.clients.caller import Caller
from exporters.clients.policy import Fallback
from exporters.clients.readdress import body_at, headers_at, url_at

DRAINED_BYTES: Final = 65_536
"""A refused answer up to this length is read, so that its connection is kept."""


class CircuitOpenError(requests.ConnectionError):
    """The circuit breaker of the target is open: nothing was sent."""


class MeteredAdapter(HTTPAdapter):
    """`session.mount("https://", MeteredAdapter(Caller("chat", metrics)))`.

    Further arguments are HTTPAdapter's; its own retries stay off, or they would go unseen.
    """

    def __init__(self, caller: Caller, **options: Any) -> None:
        super().__init__(**options)
        self._caller = caller

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        """Send over all attempts and fallbacks; raises what requests raises."""
        body = request.body
        call = Call(
            self._caller,
            request.method or "GET",
            request.headers,
            is_replayable=body is None or isinstance(body, bytes | str),
        )
        try:
            attempt = self._retry(call, self._caller.target, request.copy(), *args, **options)
            for fallback in self._caller.fallbacks:
                if not call.wants_fallback(attempt):
                    break
                call.fall_back(attempt, fallback)
                _discard(attempt)
                there = _readdressed(request, fallback)
                attempt = self._retry(call, fallback.name, there, *args, **options)
        except BaseException:
            call.finish("client_gone")  # nothing but the caller's leaving (or a bug) comes here
            raise
        return _answer(call, attempt, request)

    def _retry(
        self, call: Call, target: str, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> Attempt:
        def before_sleep(state: RetryCallState) -> None:
            call.retrying(last_of(state), state.upcoming_sleep)
            _discard(last_of(state))

        first = self._attempt(call, target, request, *args, **options)
        if first.reason is None:
            return first  # as nearly all do: tenacity is for the others
        made = iter([first])
        retrying = Retrying(sleep=time.sleep, before_sleep=before_sleep, **call.hooks())
        return retrying(
            lambda: next(made, None) or self._attempt(call, target, request, *args, **options)
        )

    def _attempt(
        self, call: Call, target: str, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> Attempt:
        attempt = call.begin(target, request.url or "")
        if attempt.is_refused:
            return attempt
        request.headers.update(attempt.headers)
        try:
            response = super().send(request, *args, **options)
        except requests.RequestException as error:
            call.failed(attempt, error, *_meaning(error))
        except BaseException as error:
            call.abandoned(attempt, error)
            raise
        else:
            after = response.headers.get("retry-after")
            call.answered(attempt, response, response.status_code, after)
        return attempt


class _Raw:
    """urllib3's response as it is, its bytes noticed as they go by."""

    def __init__(self, raw: Any, body: Body) -> None:
        self._raw, self._body = raw, body

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def __iter__(self) -> Iterator[bytes]:
        return self._noticed(iter(self._raw))

    def stream(self, *args: Any, **options: Any) -> Iterator[bytes]:
        return self._noticed(self._raw.stream(*args, **options))

    def read(self, amt: int | None = None, *args: Any, **options: Any) -> bytes:
        try:
            data: bytes = self._raw.read(amt, *args, **options)
        except HTTPError as error:
            self._body.broke(error)
            raise
        if data:
            self._body.chunk()
        if amt is None or (amt and not data):
            self._body.complete()
        return data

    def close(self) -> None:
        try:
            self._raw.close()
        finally:
            self._body.closed()

    def release_conn(self) -> None:
        try:
            self._raw.release_conn()
        finally:
            self._body.closed()

    def _noticed(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        try:
            for chunk in chunks:
                self._body.chunk()
                yield chunk
        except BaseException as error:
            self._body.broke(error)
            raise
        self._body.complete()


def _answer(call: Call, attempt: Attempt, request: requests.PreparedRequest) -> requests.Response:
    """The response of the last attempt, or its error raised."""
    if attempt.response is not None:
        response: requests.Response = attempt.response
        response.raw = _Raw(response.raw, Body(call, attempt))
        return response
    call.finish(attempt.outcome)
    if attempt.is_refused:
        raise CircuitOpenError(f"circuit of {attempt.target} is open", request=request)
    assert attempt.error is not None
    raise attempt.error


def _readdressed(request: requests.PreparedRequest, fallback: Fallback) -> requests.PreparedRequest:
    there = requests.PreparedRequest()
    body = request.body or b""
    content = body.encode() if isinstance(body, str) else body
    there.prepare(
        method=request.method,
        url=url_at(fallback, request.url or ""),
        headers=headers_at(fallback, request.headers),
        data=body_at(fallback, content) if request.body is not None else None,
    )
    return there


def _meaning(error: requests.RequestException) -> tuple[str | None, str]:
    """Reason of a retry and outcome; None for what is the caller's own fault."""
    if isinstance(error, requests.ConnectTimeout):
        return "connect", "timeout"
    if isinstance(error, requests.Timeout):
        return "timeout", "timeout"
    if isinstance(error, requests.ConnectionError):
        never_connected = isinstance(
            error, requests.exceptions.ProxyError | requests.exceptions.SSLError
        )
        return ("connect" if never_connected or _is_new(error) else "reset"), "error"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "reset", "error"
    return None, "error"


def _is_new(error: requests.RequestException) -> bool:
    """Whether the connection was never made, from the urllib3 error inside."""
    inner = error.args[0] if error.args else None
    return isinstance(getattr(inner, "reason", inner), NewConnectionError)


def _discard(attempt: Attempt) -> None:
    response: requests.Response | None = attempt.response
    if response is not None:
        length = response.headers.get("content-length", "")
        with contextlib.suppress(requests.RequestException):
            if length.isdecimal() and int(length) <= DRAINED_BYTES:
                _ = response.content
        response.close()
