"""Who we are and whom we trust, against a server that speaks TLS and notes who came."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from analysis.sources import SourceError

VERSION = json.dumps({"nodes": {"a": {"version": "8.19.16"}}}).encode()


@dataclass
class Guard:
    """A server that lets in whoever knows the word, if it asks for one."""

    url: str
    fingerprint: str
    word: str | None = None
    seen: list[dict[str, str]] = field(default_factory=list)
    certificates: list[dict[str, Any] | None] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    guard: Guard

    def do_GET(self) -> None:
        self.guard.seen.append({name.lower(): value for name, value in self.headers.items()})
        self.guard.certificates.append(self.connection.getpeercert())  # type: ignore[attr-defined]
        is_known = self.guard.word in (None, self.headers.get("authorization"))
        content = VERSION if is_known else b'{"error":{"type":"security_exception"}}'
        self.send_response(200 if is_known else 401)
        self.send_header("content-type", "application/json")
        self.send_header("x-elastic-product", "Elasticsearch")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Silence."""


@contextmanager
def guarded(context: ssl.SSLContext, certificate: bytes, word: str | None) -> Iterator[Guard]:
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # refused handshakes
    server.socket = context.wrap_socket(server.socket, server_side=True)
    der = ssl.PEM_cert_to_DER_cert(certificate.decode())
    url = f"https://127.0.0.1:{server.server_address[1]}"
    handler.guard = Guard(url, hashlib.sha256(der).hexdigest(), word)  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield handler.guard  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def guard(authority: trustme.CA) -> Callable[..., Any]:
    def go(word: str | None = None, *, wants_certificate: bool = False) -> Any:
        own = authority.issue_cert("127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own.configure_cert(context)
        if wants_certificate:
            authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return guarded(context, own.cert_chain_pems[0].bytes(), word)

    return go


def secret(folder: Path, text: str) -> Path:
    path = folder / "secret"
    path.write_text(text + "\n")
    return path


def test_an_api_key_opens_the_door(guard, read_from, ca_file, tmp_path):
    with guard("ApiKey b3BlbjpzZXNhbWU=") as server:
        source = read_from(
            server.url, ca_file=ca_file, api_key_file=secret(tmp_path, "b3BlbjpzZXNhbWU=")
        )

        assert "8.19.16" == source.version()
    assert ["busysignal"] == [each["x-opaque-id"] for each in server.seen]


def test_user_and_password_open_the_door(guard, read_from, ca_file, tmp_path):
    word = base64.b64encode(b"reader:sesame").decode()
    with guard(f"Basic {word}") as server:
        source = read_from(
            server.url, ca_file=ca_file, user="reader", password_file=secret(tmp_path, "sesame")
        )

        assert "8.19.16" == source.version()


def test_a_wrong_key_is_told_with_what_to_check_and_never_shown(
    guard, read_from, ca_file, tmp_path
):
    with guard("ApiKey right") as server:
        source = read_from(server.url, ca_file=ca_file, api_key_file=secret(tmp_path, "wrong"))
        with pytest.raises(SourceError) as error:
            source.version()

    assert 401 == error.value.status
    assert "check [elasticsearch] credentials and their rights to read and monitor" in str(
        error.value
    )
    assert "wrong" not in str(error.value)


def test_a_server_of_another_authority_is_not_trusted(guard, read_from, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    with guard() as server:
        with pytest.raises(SourceError, match="CERTIFICATE_VERIFY_FAILED"):
            read_from(server.url, ca_file=other).version()
        assert [] == server.seen


def test_a_fingerprint_is_trusted_instead_of_an_authority(guard, read_from):
    with guard() as server:
        assert "8.19.16" == read_from(server.url, fingerprint=server.fingerprint).version()
        with pytest.raises(SourceError, match="ingerprint"):
            read_from(server.url, fingerprint="ab" * 32).version()


def test_a_server_that_wants_a_certificate_is_shown_ours(
    guard, read_from, authority, ca_file, tmp_path
):
    mine = authority.issue_cert("busysignal.example")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    mine.cert_chain_pems[0].write_to_path(cert)
    mine.private_key_pem.write_to_path(key)
    with guard(wants_certificate=True) as server:
        source = read_from(server.url, ca_file=ca_file, client_cert_file=cert, client_key_file=key)
        assert "8.19.16" == source.version()
        with pytest.raises(SourceError):
            read_from(server.url, ca_file=ca_file).version()

    assert 1 == len(server.certificates), "without a certificate nobody comes in"
    assert server.certificates[0]
