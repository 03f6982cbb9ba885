"""An exchange over ASGI's HTTP messages, each looked at and handed on unchanged."""

from __future__ import annotations

from typing import Any

from exporters.exposition.app import Message, Receive, Scope, Send
from exporters.requests.disconnect import has_hung_up
from exporters.requests.exchange import Exchange
from exporters.requests.outcome import outcome_of_break
from exporters.requests.usage import is_done_marker


class AsgiExchange(Exchange):
    """What the server's `receive` and `send` carry between one client and the app."""

    _body_read = False
    _disconnected = False

    def __init__(self, scope: Scope, receive: Receive, send: Send, start: float) -> None:
        self.scope = scope  # not through super(): this is on every request's way
        self._start = start
        self._receive = receive
        self._send = send

    def send(self, message: Message) -> Any:
        """Look at a message and hand on what the server's `send` returns.

        A plain function: a coroutine of our own around each chunk would cost as much again.
        """
        try:
            if message["type"] == "http.response.body":
                body = message.get("body")
                if message.get("more_body"):
                    if body and body[:1] != b":":  # a comment keeps an event stream open, no more
                        self.chunk(body)
                elif not self.is_complete:
                    if body and type(body) is bytes:
                        self._end = body
                    return self._send_last(message)
            elif message["type"] == "http.response.start":
                self._status = message["status"]
                self._headers = message.get("headers", ())
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
            gone = self._disconnected or (self._body_read and has_hung_up(self._receive))
            ending = outcome_of_break(error, self._status, self._send, disconnected=gone)
            self.is_complete = True
            self.close(*ending)
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()

    async def _send_last(self, message: Message) -> None:
        gone = False
        try:
            gone = self._disconnected or (
                self._body_read and self.has_lasted() and has_hung_up(self._receive)
            )
            if gone and is_done_marker(self._end):
                gone = False  # the answer was whole when the client left
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()
        self.is_complete = True
        try:
            await self._send(message)
        except BaseException as error:
            self.is_complete = False
            self._disconnected = isinstance(error, OSError)
            raise
        self.close("client_gone" if gone else None, self._status)
