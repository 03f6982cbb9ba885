"""What must never leave the process: prompts, answers and secrets."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_TEXT = 16_384
"""Longest text kept of one value, in characters."""

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


def clean(text: str) -> str:
    """Mask secrets inside free text and cut it to MAX_TEXT."""
    return _IN_TEXT.sub(_mask, text[:MAX_TEXT])


def _mask(match: re.Match[str]) -> str:
    return (match["scheme"] or match["key"] or match["user"]) + "***"
