"""Answers that end: an HTTP node that takes only so many bytes, and waits only so long, of each."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import urllib3
from elastic_transport import NodeConfig, Urllib3HttpNode

MAX_BYTES = 64 * 2**20
CHUNK = 2**20
LONGEST = 60.0
"""Seconds to wait where a call names none."""


class TooLargeError(Exception):
    """An answer is larger than anything that was asked for."""


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Any
    data: bytes


class _Pool:
    """Reads answers as they come: urllib3 bounds the wait for each byte, not for their sum."""

    def __init__(self, pool: urllib3.HTTPConnectionPool) -> None:
        self._pool = pool
        self.close = pool.close

    def urlopen(
        self, method: str, target: str, *, timeout: float = LONGEST, **given: Any
    ) -> _Answer:
        deadline = time.monotonic() + timeout
        given["timeout"] = timeout
        answer = self._pool.urlopen(method, target, preload_content=False, **given)
        try:
            data = self._read(answer, target, deadline)
        except BaseException:
            answer.close()
            raise
        finally:
            answer.release_conn()
        return _Answer(answer.status, answer.headers, readable(data))

    def _read(self, answer: urllib3.BaseHTTPResponse, target: str, deadline: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        while part := answer.read1(CHUNK, decode_content=False):
            parts.append(part)
            size += len(part)
            if size > MAX_BYTES:
                raise TooLargeError(f"more than {MAX_BYTES} bytes")
            if time.monotonic() > deadline:
                raise urllib3.exceptions.ReadTimeoutError(self._pool, target, "the answer drips")
        return b"".join(parts)


class BoundedNode(Urllib3HttpNode):
    """The client's own node, with bounds."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self.pool: Any = _Pool(self.pool)


def readable(content: bytes) -> bytes:
    """Text; bytes that are none are marked where they stand."""
    if content.isascii():
        return content
    try:
        content.decode()
    except UnicodeDecodeError:
        return content.decode(errors="replace").encode()
    return content
