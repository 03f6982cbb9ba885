"""The one line of a log body that says which statement wrote it."""

from __future__ import annotations

from typing import Final

import orjson

LONGEST: Final = 4096
"""Characters that are looked at; a statement shows itself earlier."""

MESSAGE_KEYS: Final = ("message", "msg", "event", "log", "body", "text")


def text_of(body: str | bytes) -> str:
    """The message of a JSON body, the first line of a stack trace, else the body, cut to length.

    A message is looked for one level deep at most.
    """
    text = body[: 4 * LONGEST].decode("utf-8", "replace") if isinstance(body, bytes) else body
    text = text[:LONGEST].strip()
    if text.startswith("{") and text.endswith("}"):
        text = _of_json(text)
    return text.partition("\n")[0]


def _of_json(text: str) -> str:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    within = [value for value in fields.values() if isinstance(value, dict)]
    for place in (fields, *within):
        for key in MESSAGE_KEYS:
            if isinstance(place.get(key), str):
                return str(place[key]).strip()
    return " ".join(sorted(fields))
