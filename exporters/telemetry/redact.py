"""What must never leave the process: secrets; and, unless asked for, prompts and answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields as fields_of
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Any, cast

from pydantic import BaseModel

MAX_TEXT = 16_384
"""Longest text kept of one value, in characters."""
MAX_DEPTH = 6
"""Structures are followed this deep; they may have no end."""

Value = str | bool | int | float | list[Any] | None
"""What a document says of an attribute."""

_SECRET = {
    "authorization", "proxy-authorization", "cookie", "set-cookie", "password", "passwd", "secret",
    "client_secret", "api_key", "apikey", "api-key", "x-api-key", "access_token",
    "refresh_token", "private_key",
}  # fmt: skip
_SECRET_AT_THE_END = {"token"}
"""As the last part of a name; `token.index` counts what a model said."""
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
_PLAIN = {bool, int, float, type(None)}
_PERSONAL = (
    r"[\w.+-]{1,64}@[\w-]{1,255}(?:\.[\w-]{1,63})+",  # e-mail
    r"\b(?:\d[ -]?){12,18}\d\b",  # payment card, account
    r"(?<!\w)\+\d[\d ()-]{7,17}\d\b",  # telephone, international form
)


class Redactor:
    """Decides on keys and masks texts; without `content` the words of users stay here.

    With it they are written with e-mail addresses, card and telephone numbers masked. `patterns`
    are the operator's own regular expressions; what they match is masked in every text.
    """

    def __init__(self, *, content: bool = False, patterns: Iterable[str] = ()) -> None:
        rules = [*patterns, *(_PERSONAL if content else ())]
        self._own = re.compile("|".join(f"(?:{rule})" for rule in rules)) if rules else None
        self._hidden = _SECRET if content else _SECRET | _CONTENT
        self.is_private = lru_cache(maxsize=4096)(self._is_private)

    def _is_private(self, key: str) -> bool:
        """Say whether an attribute of this name may carry a secret or a user's words."""
        parts = key.lower().split(".")
        return parts[-1] in _SECRET_AT_THE_END or not self._hidden.isdisjoint(parts)

    def clean(self, text: str) -> str:
        """Mask secrets inside free text and cut it to MAX_TEXT."""
        told = _IN_TEXT.sub(_mask, text[:MAX_TEXT])
        return told if self._own is None else self._own.sub("***", told)

    def attributes(self, values: Mapping[str, Any] | None) -> dict[str, Value]:
        """Keep what JSON can say and what may be told; texts are masked and cut."""
        if not values:
            return {}
        # The SDK's own mapping takes a lock for each item; what it holds is a plain dict.
        plain = getattr(values, "_dict", values)
        return {
            str(key): self._value(value)
            for key, value in plain.items()
            if not self.is_private(str(key))
        }

    def _value(self, value: Any) -> Value:
        kind = type(value)
        if kind is str:
            return self.clean(value)
        if kind in _PLAIN:
            return value  # type: ignore[no-any-return] # as its type says
        return self._structure(self.public(value))

    def _structure(self, kept: Any) -> Value:
        if isinstance(kept, list):
            return [self._structure(item) for item in kept]
        return self.clean(str(kept)) if isinstance(kept, str | dict) else cast(Value, kept)

    def public(self, value: Any, depth: int = 0) -> Any:
        """Copy a structure into dicts and lists without its private keys, at whatever depth."""
        if value is None or isinstance(value, str | bool | int | float):
            return value
        if depth > MAX_DEPTH:
            return "…"
        fields = _fields(value)
        if fields is not None:
            named = [(str(key), inside) for key, inside in fields.items()]
            return {
                key: self.public(inside, depth + 1)
                for key, inside in named
                if not self.is_private(key)
            }
        if isinstance(value, Sequence | AbstractSet) and not isinstance(value, bytes | bytearray):
            return [self.public(inside, depth + 1) for inside in value]
        return spoken(value)


STRICT = Redactor()
"""Neither secrets nor content: how it is unless somebody asks."""


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


def _mask(match: re.Match[str]) -> str:
    return (match["scheme"] or match["key"] or match["user"]) + "***"
