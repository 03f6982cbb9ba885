"""What must never leave the process: prompts, answers and secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields as fields_of
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

MAX_TEXT = 16_384
"""Longest text kept of one value, in characters."""
MAX_DEPTH = 6
"""Structures are followed this deep; they may have no end."""

_SECRET = {
    "authorization", "proxy-authorization", "cookie", "set-cookie", "password", "passwd", "secret",
    "client_secret", "api_key", "apikey", "api-key", "x-api-key", "token", "access_token",
    "refresh_token", "private_key",
}  # fmt: skip
_CONTENT = {
    "prompt", "prompts", "completion", "completions", "messages", "system_instructions",
    "content", "arguments",
}  # fmt: skip
_IN_TEXT = re.compile(
    r"""(?ix)
    (?P<scheme> \b (?:bearer|basic) \s+ ) [a-z0-9._~+/=-]{8,}
    | (?P<key> \b (?:password|passwd|secret|api[_-]?key|x-api-key|authorization|(?:access|auth|api)_token)
        ["']? \s* [=:] \s* ["']? ) (?! (?:bearer|basic) \s ) [^\s"',;&]+
    | (?P<user> :// [^/\s:@]* : ) [^/\s@]+ (?= @ )
    """  # noqa: E501 (one alternative a line reads best)
)


@lru_cache(maxsize=4096)
def is_private(key: str) -> bool:
    """Say whether an attribute of this name may carry a secret or a user's words."""
    parts = key.lower().split(".")
    return not _SECRET.isdisjoint(parts) or not _CONTENT.isdisjoint(parts)


def public(value: Any, depth: int = 0) -> Any:
    """Copy a structure into dicts and lists without its private keys, at whatever depth."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if depth > MAX_DEPTH:
        return "…"
    fields = _fields(value)
    if fields is not None:
        named = [(str(key), inside) for key, inside in fields.items()]
        return {key: public(inside, depth + 1) for key, inside in named if not is_private(key)}
    if isinstance(value, Sequence | AbstractSet) and not isinstance(value, bytes | bytearray):
        return [public(inside, depth + 1) for inside in value]
    return spoken(value)


def _fields(value: Any) -> Mapping[Any, Any] | None:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, BaseModel):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in fields_of(value)}
    return None


def spoken(value: Any) -> str:
    """What `str` says of an object, or that it says nothing."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - the point: anybody's object may come this way
        return f"<{type(value).__name__} that cannot be written>"


def clean(text: str) -> str:
    """Mask secrets inside free text and cut it to MAX_TEXT."""
    return _IN_TEXT.sub(_mask, text[:MAX_TEXT])


def _mask(match: re.Match[str]) -> str:
    return (match["scheme"] or match["key"] or match["user"]) + "***"
