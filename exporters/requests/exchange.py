"""One request and its response as their ASGI messages go by, timed and never changed."""

from __future__ import annotations

from bisect import bisect_left
from time import perf_counter
from typing import Any

from exporters.catalog.requests import INTER_TOKEN_LATENCY
from exporters.exposition.app import Message, Receive, Send
from exporters.requests.disconnect import has_hung_up
from exporters.requests.metrics import RequestMetrics, TrackedRequest
from exporters.requests.outcome import outcome_of_break, outcome_of_status

GAP_BOUNDS = INTER_TOKEN_LATENCY.buckets
HANG_UP_SECONDS = 0.05
"""Nobody hangs up on answers faster than this: they are spared the question."""


class Exchange(TrackedRequest):
    """What the server's `receive` and `send` carry between one client and the app.

    It is the request's annotations too: one object for each request costs half of two.
    """

    is_complete = False
    _status = 0
    _first = 0.0
    _last = 0.0
    _gaps: list[int] | None = None
    _body_read = False
    _disconnected = False

    def __init__(
        self,
        metrics: RequestMetrics,
        start: float,
        receive: Receive,
        send: Send,
    ) -> None:
        self.metrics = metrics
        self._start = start
        self._receive = receive
        self._send = send

    def send(self, message: Message) -> Any:
        """Look at a message and hand on what the server's `send` returns.

        A plain function: a coroutine of our own around each chunk would cost as much again.
        """
        try:
            if message["type"] == "http.response.body":
                if message.get("more_body"):
                    if message.get("body"):
                        now = perf_counter()
                        if self._gaps is not None:
                            self._gaps[bisect_left(GAP_BOUNDS, now - self._last)] += 1
                        else:
                            self._gaps = [0] * (len(GAP_BOUNDS) + 1)
                            self._first = now
                        self._last = now
                elif not self.is_complete:
                    return self._send_last(message)
            elif message["type"] == "http.response.start":
                self._status = message["status"]
            elif message["type"] == "http.response.pathsend":
                return self._send_last(message)
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()
        return self._send(message)

    async def receive(self) -> Message:
        message = await self._receive()
        try:
            if message["type"] == "http.disconnect":
                self._disconnected = True
            elif not message.get("more_body"):
                self._body_read = True
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()
        return message

    def broke_off(self, error: BaseException | None) -> None:
        """The app is done (or `error` ended it) before the response was."""
        try:
            gone = self._disconnected or (self._body_read and self._has_hung_up(0.0))
            ending = outcome_of_break(error, self._status, self._send, disconnected=gone)
            self._close(*ending)
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()

    async def _send_last(self, message: Message) -> None:
        gone = self._disconnected or (self._body_read and self._has_hung_up(HANG_UP_SECONDS))
        self.is_complete = True
        try:
            await self._send(message)
        except BaseException as error:
            self.is_complete = False
            self._disconnected = isinstance(error, OSError)
            raise
        self._close("client_gone" if gone else None, self._status)

    def _has_hung_up(self, after: float) -> bool:
        try:
            return perf_counter() - self._start >= after and has_hung_up(self._receive)
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()
            return False

    def _close(self, outcome: str | None, status: int | str) -> None:
        try:
            outcome = outcome or outcome_of_status(self._status)
            seconds = perf_counter() - self._start
            self.metrics.finished(self, outcome, status, seconds)
            if self._gaps is not None:
                to_first, streaming = self._first - self._start, self._last - self._first
                self.metrics.streamed(self, to_first, streaming, self._gaps)
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()
