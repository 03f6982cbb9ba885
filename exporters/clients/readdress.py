"""A request as it goes to a fallback: another origin, another model, none of the credentials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from exporters.clients.policy import Fallback

LEFT_BEHIND: Final = frozenset({
    "authorization", "proxy-authorization", "cookie", "api-key", "x-api-key", "host",
    "content-length",
})  # fmt: skip
"""Credentials of the first target, and what is made anew."""


def url_at(fallback: Fallback, url: str) -> str:
    """The URL there: its origin, its path in front of the request's, the request's query."""
    base, asked = urlsplit(fallback.url), urlsplit(url)
    path = base.path.rstrip("/") + asked.path
    return urlunsplit((base.scheme, base.netloc, path, asked.query, ""))


def headers_at(fallback: Fallback, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers there."""
    kept = {name: value for name, value in headers.items() if name.lower() not in LEFT_BEHIND}
    own = {name.lower() for name in fallback.headers}
    return {name: value for name, value in kept.items() if name.lower() not in own} | dict(
        fallback.headers
    )


def body_at(fallback: Fallback, body: bytes) -> bytes:
    """The body there: the same bytes, but for a `model` in a JSON object where one is given."""
    if fallback.model is None:
        return body
    try:
        document = json.loads(body)
    except ValueError:
        return body
    if not isinstance(document, dict) or "model" not in document:
        return body
    return json.dumps({**document, "model": fallback.model}, ensure_ascii=False).encode()
