"""The part of OpenAI's completions API that the service speaks: requests in, SSE chunks out."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

VOCABULARY = 256
"""One token a byte, so that any text is a prompt and its length is its cost."""

DONE = b"data: [DONE]\n\n"


class BadRequestError(Exception):
    """The body is not a completion request; the text says why."""


@dataclass(frozen=True)
class Completion:
    """A completion or chat request; `prompt` is one token a byte."""

    id: str
    chat: bool
    model: str
    prompt: list[int]
    max_tokens: int
    stream: bool

    def chunk(self, token: int) -> bytes:
        """One token as a server-sent event."""
        text = chr(token)
        choice = {"delta": {"content": text}} if self.chat else {"text": text}
        return self._event({"index": 0, **choice, "finish_reason": None})

    def last_chunk(self, generated: int) -> bytes:
        """The end of the answer with its usage, and the end of the stream."""
        choice: dict[str, Any] = {"delta": {}} if self.chat else {"text": ""}
        choice |= {"index": 0, "finish_reason": "length"}
        return self._event(choice, usage=self.usage(generated)) + DONE

    def whole(self, tokens: list[int]) -> dict[str, Any]:
        """The answer to a request that did not ask for a stream."""
        text = "".join(map(chr, tokens))
        message = {"message": {"role": "assistant", "content": text}}
        choice = {
            "index": 0,
            "finish_reason": "length",
            **(message if self.chat else {"text": text}),
        }
        return self._frame(choice, usage=self.usage(len(tokens)))

    def usage(self, generated: int) -> dict[str, int]:
        """Tokens in, out and together."""
        prompt = len(self.prompt)
        total = prompt + generated
        return {"prompt_tokens": prompt, "completion_tokens": generated, "total_tokens": total}

    def _frame(self, choice: dict[str, Any], **more: Any) -> dict[str, Any]:
        kind = "chat.completion" if self.chat else "text_completion"
        kind += ".chunk" if self.chat and self.stream else ""
        head = {"id": self.id, "object": kind, "created": int(time.time()), "model": self.model}
        return {**head, "choices": [choice], **more}

    def _event(self, choice: dict[str, Any], **more: Any) -> bytes:
        return b"data: " + json.dumps(self._frame(choice, **more)).encode() + b"\n\n"


def parse(body: bytes, *, chat: bool, request_id: str) -> Completion:
    """Read a request body. Raises BadRequestError."""
    try:
        fields = json.loads(body)
        text = _chat_text(fields["messages"]) if chat else fields["prompt"]
        prompt = list(text.encode("latin-1", "replace"))
        max_tokens = int(fields.get("max_tokens", 16))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRequestError(f"not a completion request: {error!r}") from None
    if not prompt or max_tokens < 1:
        raise BadRequestError("prompt must not be empty and max_tokens must be at least 1")
    model = str(fields.get("model", ""))
    return Completion(
        request_id, chat, model, prompt, max_tokens, stream=bool(fields.get("stream", False))
    )


def refusal(message: str, kind: str) -> dict[str, Any]:
    """The body of an error answer."""
    return {"error": {"message": message, "type": kind}}


def _chat_text(messages: list[dict[str, str]]) -> str:
    return "\n".join(message["content"] for message in messages)
