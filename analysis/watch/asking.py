"""Asking a running `watch` over HTTP for what it was told, and telling it more."""

from __future__ import annotations

from typing import Any

import httpx

from analysis.config import WatchSection
from analysis.watch.senders import secret
from exporters.errors import ServerMissingError, UsageError

TIMEOUT_SECONDS = 5.0


def listed(section: WatchSection) -> str:
    """The levels that were set, each with its line end."""
    return "".join(
        f"{kept['alert']} {kept['value']:g} for {kept['entity'] or 'all'}\n"
        for kept in thresholds(section)
    )


def changed(section: WatchSection, alert: str, entity: str, value: float | None) -> str:
    """Set a level or take it back, as `set_threshold` does, and say so."""
    set_threshold(section, alert, entity, value)
    begins = "where it did by default" if value is None else f"at {value:g}"
    return f"{alert} begins {begins} for {entity or 'all'}"


def thresholds(section: WatchSection) -> list[dict[str, Any]]:
    """The levels that were set: alert, entity, value.

    Raises ServerMissingError when `watch` does not answer.
    """
    listed: list[dict[str, Any]] = _ask(section, "GET").json()
    return listed


def set_threshold(section: WatchSection, alert: str, entity: str, value: float | None) -> None:
    """Set a level for an entity; None takes it back.

    Raises UsageError when `watch` refuses it, ServerMissingError when it does not answer.
    """
    _ask(section, "POST", {"alert": alert, "entity": entity, "value": value})


def _ask(section: WatchSection, method: str, body: object = None) -> httpx.Response:
    url = f"http://{section.host}:{section.port}/thresholds"
    token = secret(section.bearer_token_file, "bearer_token_file")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            answer = client.request(method, url, json=body, headers=headers)
    except httpx.HTTPError as error:
        raise ServerMissingError(
            f"watch does not answer at {url}: {type(error).__name__}; start `busysignal watch`"
        ) from None
    if answer.is_error:
        raise UsageError(f"watch refuses that: {answer.text.strip()}")
    return answer
