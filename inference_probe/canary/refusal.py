"""The reason in the body of a refusal, in whichever shape the engine writes it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

UNSTATED: Final = "unstated"
MAX_REASON: Final = 48
MAX_DETAIL: Final = 300

NOT_NAMES: Final = frozenset({"error", "null", "none", ""})
BUSY_WORDS: Final = re.compile(
    r"overload|busy|capacity|rate.?limit|too many requests|queue|unavailable|quota|exhaust",
    re.IGNORECASE,
)


def reason_and_detail(body: bytes | str) -> tuple[str, str | None]:
    """A name fit for a label (`queue_full`), and the message for a person.

    Looked for in `error.code`, `error.type`, `error.reason` and the same keys beside a bare
    `error` or `detail`; codes that are only the status again tell nothing.
    """
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return UNSTATED, _short(text)
    places = list(_places(document))
    names = (
        _name(place.get(key))
        for place in places
        for key in ("code", "reason", "type", "error_type", "status")
    )
    said = (
        place[key]
        for place in places
        for key in ("message", "detail", "error")
        if isinstance(place.get(key), str)
    )
    return next(filter(None, names), UNSTATED), _short(next(said, text))


def is_busy(reason: str, detail: str | None) -> bool:
    """Whether an error event inside a 200 says that the engine is overloaded."""
    return bool(BUSY_WORDS.search(f"{reason.replace('_', ' ')} {detail or ''}"))


def _places(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        for key in ("error", "detail"):
            if isinstance(document.get(key), dict):
                yield document[key]
        yield document


def _name(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    name = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")[:MAX_REASON]
    return None if name in NOT_NAMES or name.isdigit() else name


def _short(text: str) -> str | None:
    return " ".join(text.split())[:MAX_DETAIL] or None
