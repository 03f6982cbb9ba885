"""Local stand-ins for chats and pagers: they check what the real ones check, and keep the rest."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SECRET = "SEC-of-the-robot"
HOUR = 3600.0

Answer = tuple[int, dict[str, Any], dict[str, str]]


class Chats:
    """One server for all of them; `script` holds answers to give before the proper ones."""

    def __init__(self) -> None:
        chats = self
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.script: list[Answer] = []
        self.tokens = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer({})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(json.loads(body))

            def _answer(self, body: dict[str, Any]) -> None:
                at = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(at.query).items()}
                status, said, headers = chats.answer(at.path, query, dict(self.headers), body)
                raw = json.dumps(said).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(
        self, path: str, query: dict[str, str], headers: dict[str, str], body: dict[str, Any]
    ) -> Answer:
        if path == "/wecom/gettoken":
            return self._token(query)
        if self.script:
            return self.script.pop(0)
        status, said = self._judge(path, query, headers, body)
        if status < 300 and not any(said.get(key) for key in ("errcode", "code")):
            self.told.append((path, body))
        return status, said, {}

    def _token(self, query: dict[str, str]) -> Answer:
        if query != {"corpid": "corp", "corpsecret": SECRET}:
            return 200, {"errcode": 40001, "errmsg": "invalid credential"}, {}
        self.tokens += 1
        return 200, {"errcode": 0, "access_token": f"T{self.tokens}", "expires_in": 7200}, {}

    def _judge(
        self, path: str, query: dict[str, str], headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        match path.split("/")[1]:
            case "dingtalk":
                if not dingtalk_accepts(query):
                    return 200, {"errcode": 310000, "errmsg": "sign not match"}
                return 200, {"errcode": 0, "errmsg": "ok"}
            case "feishu":
                if not feishu_accepts(body):
                    return 200, {"code": 19021, "msg": "sign match fail or timestamp is not within"
                                 " one hour from current time"}  # fmt: skip
                return 200, {"code": 0, "msg": "success"}
            case "robot":
                if len(body["markdown"]["content"].encode()) > 4096:
                    return 200, {"errcode": 40058, "errmsg": "content exceed max length"}
                return 200, {"errcode": 0}
            case "wecom":
                if query.get("access_token") != f"T{self.tokens}":
                    return 200, {"errcode": 42001, "errmsg": "access_token expired"}
                return 200, {"errcode": 0}
            case "telegram":
                return 200, {"ok": True}
            case "genie":
                known = headers.get("Authorization") == f"GenieKey {SECRET}"
                return (202, {}) if known else (403, {})
            case "duty":
                return (202, {}) if body["routing_key"] == SECRET else (400, {})
            case "hook":
                return (
                    (200, {}) if headers.get("Authorization") == f"Bearer {SECRET}" else (401, {})
                )
        return 200, {}


def dingtalk_accepts(query: dict[str, str]) -> bool:
    """As documented: HmacSHA256 of timestamp + newline + secret under the secret, ±1 hour, ms."""
    stamp = query.get("timestamp", "0")
    code = hmac.new(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256).digest()
    fresh = abs(time.time() - int(stamp) / 1000) < HOUR
    return fresh and query.get("sign") == base64.b64encode(code).decode()


def feishu_accepts(body: dict[str, Any]) -> bool:
    """As documented: HmacSHA256 of nothing under timestamp + newline + secret, ±1 hour, s."""
    stamp = body.get("timestamp", "0")
    code = hmac.new(f"{stamp}\n{SECRET}".encode(), b"", hashlib.sha256).digest()
    fresh = abs(time.time() - int(stamp)) < HOUR
    return fresh and body.get("sign") == base64.b64encode(code).decode()


@contextmanager
def chats() -> Iterator[Chats]:
    """Run them."""
    made = Chats()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()
