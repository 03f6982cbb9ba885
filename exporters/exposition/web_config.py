"""The web config of the Prometheus exporter toolkit: TLS, client certificates, users, headers.

Format: github.com/prometheus/exporter-toolkit, docs/web-configuration.md. What of it is not
supported here is refused, never passed over. Checked by hand: pydantic alone would cost 12 MiB.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from exporters.errors import UsageError

NO_CLIENT_CERT: Final = "NoClientCert"
IF_GIVEN: Final = "VerifyClientCertIfGiven"
REQUIRED: Final = "RequireAndVerifyClientCert"
CLIENT_AUTH_TYPES: Final = (NO_CLIENT_CERT, IF_GIVEN, REQUIRED)
TLS_VERSIONS: Final = ("TLS12", "TLS13")

HEADERS: Final = (
    "Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options", "X-XSS-Protection",
    "Strict-Transport-Security",
)  # fmt: skip
SECTIONS: Final = ("tls_server_config", "http_server_config", "basic_auth_users")
TLS_FILES: Final = ("cert_file", "key_file", "client_ca_file")
TLS_KEYS: Final = (*TLS_FILES, "client_auth_type", "min_version", "max_version")
UNSUPPORTED: Final = (
    "rate_limit", "cert", "key", "client_ca", "client_allowed_sans", "cipher_suites",
    "prefer_server_cipher_suites", "curve_preferences",
)  # fmt: skip
"""Keys that the toolkit has and this server does not."""


class _InvalidError(Exception):
    """What is wrong in the file, and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The section tls_server_config."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None
    client_auth_type: str = NO_CLIENT_CERT
    min_version: str = "TLS12"
    max_version: str = "TLS13"


@dataclass(frozen=True, slots=True)
class WebConfig:
    """Who may connect, and how; the default is anybody, without encryption."""

    tls: Tls | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    """Name to bcrypt hash."""
    headers: Mapping[str, str] = field(default_factory=dict)


def load(path: Path) -> WebConfig:
    """Read and check the file; paths in it are relative to its folder.

    Raises UsageError naming the file, the key and what is allowed.
    """
    import yaml  # noqa: PLC0415  4 MiB that an exporter without a web config does not need

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"web config {path} cannot be read: {error.strerror}; name a file this user may read"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first = " ".join(str(error).split())
        raise UsageError(f"web config {path} is not YAML: {first}; correct that line") from None
    try:
        return _parse({} if document is None else document, path.parent)
    except _InvalidError as error:
        raise UsageError(f"web config {path}: {error}") from None


def _parse(document: Any, folder: Path) -> WebConfig:
    whole = _mapping(document, "the file", SECTIONS)
    server = _mapping(whole.get("http_server_config"), "http_server_config", ("http2", "headers"))
    headers = _mapping(server.get("headers"), "http_server_config.headers", HEADERS)
    tls = whole.get("tls_server_config")
    return WebConfig(
        tls=_tls(_mapping(tls, "tls_server_config", TLS_KEYS), folder) if tls else None,
        users=_users(whole.get("basic_auth_users")),
        headers={name: _header(name, value) for name, value in headers.items() if value != ""},
    )


def _mapping(value: Any, where: str, allowed: tuple[str, ...]) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _InvalidError(f"{where} must be a mapping of keys to values, not {value!r}")
    for key in value:
        if key in allowed:
            continue
        if key in UNSUPPORTED:
            raise _InvalidError(f"{where} has {key}, which is not supported here; leave it out")
        near = difflib.get_close_matches(str(key), allowed, n=1)
        hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(allowed)}"
        raise _InvalidError(f"{where} has the unknown key {key}; {hint}")
    return value


def _tls(found: dict[str, Any], folder: Path) -> Tls:
    files = {name: folder / _text(name, found[name]) for name in TLS_FILES if found.get(name)}
    for name in ("cert_file", "key_file"):
        if name not in files:
            raise _InvalidError(f"tls_server_config lacks {name}; name a PEM file")
    chosen = {
        "client_auth_type": _choice(found, "client_auth_type", CLIENT_AUTH_TYPES, NO_CLIENT_CERT),
        "min_version": _choice(found, "min_version", TLS_VERSIONS, "TLS12"),
        "max_version": _choice(found, "max_version", TLS_VERSIONS, "TLS13"),
    }
    if (chosen["client_auth_type"] == NO_CLIENT_CERT) == ("client_ca_file" in files):
        raise _InvalidError(
            "tls_server_config needs client_ca_file and client_auth_type together "
            f"({' or '.join(CLIENT_AUTH_TYPES[1:])}), or neither of them"
        )
    if chosen["min_version"] > chosen["max_version"]:
        raise _InvalidError("tls_server_config.min_version is above max_version; swap them")
    return Tls(**files, **chosen)  # type: ignore[arg-type]  # paths by name, then texts by name


def _choice(found: dict[str, Any], key: str, allowed: tuple[str, ...], default: str) -> str:
    value = found.get(key) or default
    if value not in allowed:
        raise _InvalidError(
            f"tls_server_config.{key} = {value!r} is not supported; allowed: {', '.join(allowed)}"
        )
    return str(value)


def _users(found: Any) -> dict[str, str]:
    if not isinstance(found or {}, dict):
        raise _InvalidError("basic_auth_users must be a mapping of names to bcrypt hashes")
    users = {_text("basic_auth_users", name): hashed for name, hashed in (found or {}).items()}
    for name, hashed in users.items():
        if not _is_bcrypt(hashed):  # and it is never printed
            raise _InvalidError(
                f"basic_auth_users.{name} is no bcrypt hash; "
                f"make one with `htpasswd -nBC 10 {name}`"
            )
    return users


def _is_bcrypt(hashed: Any) -> bool:
    return (
        isinstance(hashed, str)
        and len(hashed) == 60
        and hashed[:4] in {"$2a$", "$2b$", "$2y$"}
        and hashed[4:6].isdigit()
        and 4 <= int(hashed[4:6]) <= 31
    )


def _header(name: str, value: Any) -> str:
    text = _text(f"http_server_config.headers.{name}", value)
    if not text.isprintable():
        raise _InvalidError(f"http_server_config.headers.{name} must be one line of plain text")
    return text


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _InvalidError(f"{name} = {value!r} must be a text; write it in quotes")
    return value
