"""Token counts read off the end of an answer: its `usage` object, or its number of events."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

KEY = b'"usage"'
TAIL_BYTES = 4096
"""`usage` stands at the end of an answer; no more than this is looked at."""

COUNT = re.compile(rb'"(\w+)"\s*:\s*(\d{1,12})\b')
OBJECT = re.compile(rb"\s*:\s*\{")
EVENT_STREAMS = (b"text/event-stream", b"application/x-ndjson", b"application/jsonl")
DONE = b"data: [DONE]"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request; None is what the answer does not say."""

    prompt: int | None = None
    generated: int | None = None
    cached: int | None = None


def read(piece: object) -> Usage | None:
    """The last `usage` object in a piece of an answer, if one stands near its end.

    Reads the OpenAI names (prompt_tokens, completion_tokens, cached_tokens; input_tokens and
    output_tokens in the Responses API) and Anthropic's, whose input_tokens leave out the cache.
    """
    if type(piece) is not bytes:
        return None
    at = piece.rfind(KEY, -TAIL_BYTES)
    if at < 0 or not OBJECT.match(piece, at + len(KEY)):
        return None
    return _parse(piece[at + len(KEY) : at + TAIL_BYTES])


def _parse(text: bytes) -> Usage:
    counts: dict[bytes, int] = {}
    for name, count in COUNT.findall(text):
        counts.setdefault(name, int(count))
    prompt = counts.get(b"prompt_tokens", counts.get(b"input_tokens"))
    cached = counts.get(b"cached_tokens")
    if b"cache_read_input_tokens" in counts and prompt is not None:
        cached = counts[b"cache_read_input_tokens"]
        prompt += cached + counts.get(b"cache_creation_input_tokens", 0)
    return Usage(prompt, counts.get(b"completion_tokens", counts.get(b"output_tokens")), cached)


def is_event_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the answer is a stream of events, of which each carries a token or so."""
    return any(
        name.lower() == b"content-type" and value.lower().startswith(EVENT_STREAMS)
        for name, value in headers
    )


def is_done_marker(piece: object) -> bool:
    """Whether a chunk is the event that ends an OpenAI stream and carries no token."""
    return isinstance(piece, bytes) and piece.startswith(DONE)
