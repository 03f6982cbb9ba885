"""Endpoints that behave as a script says, on real sockets: slow, hanging, lying, or well."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

MODEL = "tiny"


@dataclass
class Endpoint:
    """One served endpoint; `requests` holds the headers (lower case) and body of each."""

    port: int
    scheme: str = "http"
    host: str = "127.0.0.1"
    requests: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/v1"


class Wire:
    """What a script writes to; a client that left is nothing to it."""

    def __init__(self, connection: socket.socket, endpoint: Endpoint, number: int) -> None:
        self._connection, self._endpoint = connection, endpoint
        self.number = number

    def send(self, data: str | bytes) -> None:
        self._connection.sendall(data.encode() if isinstance(data, str) else data)

    def wait(self, seconds: float = 30.0) -> None:
        self._endpoint.done.wait(seconds)

    def headers(self, status: str = "200 OK", kind: str = "text/event-stream", *more: str) -> None:
        lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", "connection: close", *more]
        self.send("\r\n".join([*lines, "", ""]))

    def events(self, *documents: Any) -> None:
        for document in documents:
            text = document if isinstance(document, str) else json.dumps(document)
            self.send(f"data: {text}\n\n")

    def answer(self, status: str, body: str, *more: str, kind: str = "application/json") -> None:
        self.headers(status, kind, f"content-length: {len(body)}", *more)
        self.send(body)

    def has_left(self) -> bool:
        self._connection.settimeout(0.01)
        try:
            return self._connection.recv(1) == b""
        except TimeoutError:
            return False

    def reset(self) -> None:
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._connection.close()


Script = Callable[[Wire], None]


def delta(
    content: str | None, finish: str | None = None, model: str = MODEL, **more: Any
) -> dict[str, Any]:
    said = {"role": "assistant"} if content is None else {"content": content}
    choice = {"index": 0, "delta": said, "finish_reason": finish}
    return {"object": "chat.completion.chunk", "model": model, "choices": [choice], **more}


def usage(tokens: int) -> dict[str, Any]:
    counts = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens}
    return {"object": "chat.completion.chunk", "model": MODEL, "choices": [], "usage": counts}


GOOD = (delta(None), delta("one "), delta("two "), delta("three"), delta("", "length"), usage(3))


def well(wire: Wire) -> None:
    wire.headers()
    wire.events(*GOOD, "[DONE]")


@contextmanager
def endpoint(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[Endpoint]:
    listener = socket.create_server(("127.0.0.1", 0))
    served = Endpoint(listener.getsockname()[1], "https" if tls else "http")
    thread = threading.Thread(target=_accept, args=(listener, served, script, tls), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.done.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _accept(
    listener: socket.socket, served: Endpoint, script: Script, tls: ssl.SSLContext | None
) -> None:
    number = 0
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        thread = threading.Thread(
            target=_serve, args=(connection, served, script, tls, number), daemon=True
        )
        thread.start()
        number += 1


def _serve(
    connection: socket.socket,
    served: Endpoint,
    script: Script,
    tls: ssl.SSLContext | None,
    number: int,
) -> None:
    try:
        connection = tls.wrap_socket(connection, server_side=True) if tls else connection
        with connection, connection.makefile("rb") as incoming:
            served.requests.append(_read(incoming))
            script(Wire(connection, served, number))
    except OSError:
        connection.close()


def _read(incoming: Any) -> tuple[dict[str, str], dict[str, Any]]:
    incoming.readline()
    headers = {}
    while line := incoming.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        while size := int(incoming.readline(), 16):
            incoming.read(size + 2)
        incoming.readline()
    body = incoming.read(int(headers.get("content-length", "0")))
    return headers, json.loads(body) if body.startswith(b"{") else {}
