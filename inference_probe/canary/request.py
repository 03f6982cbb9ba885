"""The request that a canary sends: a short prompt, marked as nobody's, and its TLS context."""

from __future__ import annotations

import secrets
import ssl
from typing import Any, Final

import httpx

from exporters.catalog.canary import SYNTHETIC_HEADER
from exporters.errors import UsageError
from inference_probe.canary.config import TargetSection

USER_AGENT: Final = "busysignal-canary/1"


def body_of(target: TargetSection) -> dict[str, Any]:
    """The JSON to post."""
    mark = f"({secrets.token_hex(4)}) " if target.vary_prompt else ""
    prompt = mark + target.prompt
    body: dict[str, Any] = {
        "model": target.model,
        "max_tokens": target.max_tokens,
        "temperature": 0,
        "stream": True,
    }
    if target.include_usage:
        body["stream_options"] = {"include_usage": True}
    if target.api == "chat":
        return {**body, "messages": [{"role": "user", "content": prompt}]}
    return {**body, "prompt": prompt}


def headers_of(target: TargetSection, request_id: str) -> dict[str, str]:
    """The headers to send, the key among them; raises UsageError where it cannot be read."""
    headers = {
        "user-agent": USER_AGENT,
        SYNTHETIC_HEADER: "1",
        "x-request-id": request_id,
        "accept": "text/event-stream",
        "accept-encoding": "identity",  # a compressed stream may hold tokens back
        "cache-control": "no-store",
        "connection": "close",
    }
    if target.key_file is not None:
        headers["authorization"] = f"Bearer {_key(target)}"
    return headers


def _key(target: TargetSection) -> str:
    try:
        return target.key_file.read_text("ascii").strip() if target.key_file else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not ASCII"
        raise UsageError(
            f"key_file {target.key_file} of target {target.name!r} cannot be read: {reason}; "
            "name a file that holds the token alone"
        ) from None


def tls_context(target: TargetSection) -> ssl.SSLContext:
    """Whom this target's certificate must come from; raises UsageError for a bad `ca_file`."""
    if target.ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=target.ca_file)
    except OSError as error:
        raise UsageError(
            f"ca_file {target.ca_file} of target {target.name!r} cannot be used: "
            f"{error.strerror or error}; name a file of PEM certificates"
        ) from None
