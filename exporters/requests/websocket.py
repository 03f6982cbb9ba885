"""A websocket as one exchange: messages sent are chunks, the close is the last byte."""

from __future__ import annotations

from typing import Any

from exporters.exposition.app import Message
from exporters.requests.asgi import AsgiExchange
from exporters.requests.outcome import NOT_STARTED

SWITCHED = 101
LEFT_POLITELY = frozenset({1000, 1001, 1005})
"""Close codes of a client that was done (RFC 6455, 7.4.1); 1005 stands for none given."""

OUTCOMES = {1011: "error", 1012: "error", 1013: "rejected", 1014: "error"}
"""What the app's own close codes mean: internal error, restart, try again later, bad gateway."""


class WebsocketExchange(AsgiExchange):
    """A session, from its handshake to its close by whichever side."""

    _left_with: int | None = None

    def send(self, message: Message) -> Any:
        try:
            kind = message["type"]
            if kind == "websocket.send":
                self.chunk(message.get("text") or message.get("bytes"))
            elif kind == "websocket.accept":
                self._status = SWITCHED
            elif kind == "websocket.http.response.start":
                self._status = message["status"]
            elif not self.is_complete and _is_last(message):
                return self._send_last(message)
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()
        return self._send(message)

    async def receive(self) -> Message:
        message = await self._receive()
        try:
            if message["type"] == "websocket.disconnect":
                # A lost connection is 1005 to uvicorn, too, but then no frame gave a reason.
                lost = message.get("code", 1005) == 1005 and "reason" not in message
                self._left_with = 1006 if lost else message["code"]
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()
        return message

    def broke_off(self, error: BaseException | None) -> None:
        if self._left_with is None:
            super().broke_off(error)
            return
        done = self._left_with in LEFT_POLITELY and self._status == SWITCHED
        self.is_complete = True
        self.close("ok" if done else "client_gone", self._status or NOT_STARTED)

    async def _send_last(self, message: Message) -> None:
        self.is_complete = True
        try:
            await self._send(message)
        except BaseException:
            self.is_complete = False
            self._disconnected = True
            raise
        if message["type"] == "websocket.close" and self._status != SWITCHED:
            self._status = 403  # what a server answers to a close before the accept (ASGI)
        outcome = OUTCOMES.get(message.get("code", 1000))
        self.close(outcome, self._status)


def _is_last(message: Message) -> bool:
    kind = message["type"]
    return kind == "websocket.close" or (
        kind == "websocket.http.response.body" and not message.get("more_body")
    )
