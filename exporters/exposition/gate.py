"""Who may come in: TLS contexts and passwords, read anew when their files change."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from exporters.errors import UsageError
from exporters.exposition.web_config import IF_GIVEN, REQUIRED, Tls, WebConfig, load

MAX_REMEMBERED: Final = 100

NOBODY: Final = "$2b$10$" + "." * 53
"""A hash of no password: a name nobody has must take as long to refuse as a wrong password."""

_CERT_POLICY: Final = {IF_GIVEN: ssl.CERT_OPTIONAL, REQUIRED: ssl.CERT_REQUIRED}
_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

Stamp = tuple[tuple[int, int, int], ...]


class Gate(Protocol):
    """What the server asks about each connection and each request."""

    is_encrypted: bool

    def tls_context(self) -> ssl.SSLContext:
        """The context of a new connection."""

    def admits(self, authorization: str | None) -> bool:
        """Whether the header `Authorization` (or its absence) lets a request in."""

    def headers(self) -> Mapping[str, str]:
        """What every answer carries."""


def gate_for(path: Path | None) -> Gate:
    """The gate of a web config; without one, everybody comes in.

    Raises UsageError when the file, or one that it names, cannot be used.
    """
    return OpenGate() if path is None else GuardedGate(path)


class OpenGate:
    """Anybody, in plain text."""

    is_encrypted = False

    def tls_context(self) -> ssl.SSLContext:
        raise RuntimeError("an open gate has no TLS")

    def admits(self, authorization: str | None) -> bool:
        return True

    def headers(self) -> Mapping[str, str]:
        return {}


class GuardedGate:
    """What a web config says, as it reads now: certificates and users may be renewed in place.

    A file that has become unusable closes the gate; whether there is TLS at all is decided once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._passwords = Passwords()
        self._stamp: Stamp | None = None
        self._config, self._context = self._read()
        self.is_encrypted = self._context is not None

    def tls_context(self) -> ssl.SSLContext:
        """Raises UsageError when the files cannot be used any more."""
        context = self._current()[1]
        if context is None:
            raise UsageError(f"web config {self._path}: TLS cannot be taken away while it runs")
        return context

    def admits(self, authorization: str | None) -> bool:
        """Raises UsageError when the files cannot be used any more."""
        users = self._current()[0].users
        return not users or self._passwords.match(users, authorization)

    def headers(self) -> Mapping[str, str]:
        return self._config.headers

    def _current(self) -> tuple[WebConfig, ssl.SSLContext | None]:
        with self._lock:
            if _stamp(self._files(self._config)) != self._stamp:
                self._stamp = None  # until it has been read in full
                self._config, self._context = self._read()
            return self._config, self._context

    def _read(self) -> tuple[WebConfig, ssl.SSLContext | None]:
        config = load(self._path)
        stamp = _stamp(self._files(config))
        context = None if config.tls is None else _context(self._path, config.tls)
        self._stamp = stamp
        return config, context

    def _files(self, config: WebConfig) -> list[Path]:
        tls = config.tls
        named = (tls.cert_file, tls.key_file, tls.client_ca_file) if tls else ()
        return [self._path, *(path for path in named if path is not None)]


class Passwords:
    """Checks Basic credentials against bcrypt hashes, and remembers which were right."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._right: set[bytes] = set()
        self._lock = threading.Lock()

    def match(self, users: Mapping[str, str], authorization: str | None) -> bool:
        """Whether the header names a user and the password of its hash."""
        credentials = _credentials(authorization)
        if credentials is None:
            return False
        name, password = credentials
        hashed = users.get(name, NOBODY)
        trace = _trace(self._key, name, hashed, password)
        with self._lock:  # one at a time: guessing must not take all cores
            if trace in self._right:
                return True
            is_right = _verify(password, hashed) and name in users
            if is_right:
                if len(self._right) >= MAX_REMEMBERED:
                    self._right.clear()
                self._right.add(trace)
            return is_right


def _verify(password: bytes, hashed: str) -> bool:
    import bcrypt  # noqa: PLC0415  loaded where there are users at all

    try:
        return bcrypt.checkpw(password[:72], hashed.encode())
    except ValueError:  # a password with a NUL in it, or a hash of wrong make
        return False


def _credentials(authorization: str | None) -> tuple[str, bytes] | None:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (name.decode("utf-8"), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _trace(key: bytes, name: str, hashed: str, password: bytes) -> bytes:
    said = b"\0".join((name.encode(), hashed.encode(), password))
    return hashlib.blake2b(said, key=key).digest()


def _context(path: Path, tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.maximum_version = _VERSIONS[tls.max_version]
    try:
        context.load_cert_chain(tls.cert_file, tls.key_file, password=_no_password)
        if tls.client_ca_file is not None:
            context.load_verify_locations(tls.client_ca_file)
            context.verify_mode = _CERT_POLICY[tls.client_auth_type]
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise UsageError(
            f"web config {path}: TLS cannot be set up from {tls.cert_file.name}, "
            f"{tls.key_file.name} ({reason}); name a PEM certificate and the key that belongs to it"
        ) from None
    return context


def _no_password() -> bytes:
    raise ValueError("the key is encrypted")


def _stamp(paths: list[Path]) -> Stamp:
    return tuple(_file_stamp(path) for path in paths)


def _file_stamp(path: Path) -> tuple[int, int, int]:
    try:
        stat = path.stat()
    except OSError:
        return (0, 0, 0)
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)
