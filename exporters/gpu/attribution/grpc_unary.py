"""One unary gRPC call over a unix socket, on the library h2: grpcio would cost 26 MiB.

Protocol: github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error

MAX_MESSAGE_BYTES: Final = 16 << 20
PREFIX: Final = struct.Struct(">BI")
"""Before each message: whether it is compressed, and its length."""

STREAM: Final = 1


class CallError(Exception):
    """The call failed; the text says how."""


def call(path: Path, method: str, request: bytes, timeout_seconds: float) -> bytes:
    """Call `method` ("/package.Service/Method") at the socket `path`; returns the answer's bytes.

    Raises CallError when nobody answers in time, or with a status other than OK.
    """
    deadline = time.monotonic() + timeout_seconds
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_seconds)
            connection.connect(str(path))
            return _Exchange(connection, deadline).run(method, request)
    except TimeoutError:
        raise CallError(f"no answer within {timeout_seconds:g} s") from None
    except (OSError, H2Error) as error:
        raise CallError(str(error) or type(error).__name__) from None


class _Exchange:
    """One request and its answer on a fresh connection."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._socket = connection
        self._deadline = deadline
        self._http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._body = bytearray()
        self._headers: dict[str, str] = {}

    def run(self, method: str, request: bytes) -> bytes:
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", method),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
        ]
        self._http.initiate_connection()
        self._http.send_headers(STREAM, headers)
        self._http.send_data(STREAM, PREFIX.pack(0, len(request)) + request, end_stream=True)
        self._flush()
        while not self._take(self._http.receive_data(self._receive())):
            self._flush()
        return self._message()

    def _flush(self) -> None:
        self._socket.sendall(self._http.data_to_send())

    def _receive(self) -> bytes:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        received = self._socket.recv(1 << 16)
        if not received:
            raise CallError("the connection was closed")
        return received

    def _take(self, events: Iterable[Event]) -> bool:
        """Whether the answer is complete."""
        for event in events:
            if isinstance(event, DataReceived):
                self._body += event.data
                if len(self._body) > MAX_MESSAGE_BYTES:
                    raise CallError("the answer is too large")
                self._http.acknowledge_received_data(event.flow_controlled_length, STREAM)
            elif isinstance(event, (ResponseReceived, TrailersReceived)):
                self._headers.update((str(name), str(value)) for name, value in event.headers)
            elif isinstance(event, (StreamReset, ConnectionTerminated)):
                raise CallError("the server broke the call off")
            elif isinstance(event, StreamEnded):
                return True
        return False

    def _message(self) -> bytes:
        http, status = self._headers.get(":status"), self._headers.get("grpc-status")
        if (http, status) != ("200", "0"):
            reason = self._headers.get("grpc-message", "")
            raise CallError(f"HTTP {http}, gRPC status {status} {reason}".rstrip())
        if len(self._body) < PREFIX.size:
            raise CallError("the answer has no message")
        compressed, length = PREFIX.unpack_from(self._body)
        message = bytes(self._body[PREFIX.size :])
        if compressed or len(message) != length:
            raise CallError("the answer is no single plain message")
        return message
