"""A streamed answer as its events come in: which of them carry tokens, and whether it is whole."""

from __future__ import annotations

import json
import re
from typing import Any

from inference_probe.canary.attempt import Attempt
from inference_probe.canary.config import TargetSection
from inference_probe.canary.refusal import is_busy, reason_and_detail

DONE = "[DONE]"
SPOKEN = ("content", "reasoning_content", "reasoning", "refusal")
"""Parts of a chat delta that are text; a delta with a role alone carries no token."""


class Answer:
    """Reads the events of one answer in order; `judge` says what they come to."""

    def __init__(self, target: TargetSection) -> None:
        self._target = target
        self._text: list[str] = []
        self._events = 0
        self._usage: int | None = None
        self._finish_reason: str | None = None
        self._models: list[str] = []
        self.is_done = False
        self.failure: tuple[str, str | None] | None = None
        self.busy_reason: str | None = None

    def take(self, data: str, event: str = "message") -> bool:
        """Read one event's data; whether it carries a token."""
        if data.strip() == DONE:
            self.is_done = True
            return False
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            return self._fail("garbled", f"an event that is no JSON object: {data[:80]!r}")
        if event == "error" or document.get("error"):
            reason, detail = reason_and_detail(data)
            self.busy_reason = reason if is_busy(reason, detail) else None
            return self._fail("error_event", f"{reason}: {detail}")
        return self._read(document)

    def judge(self, attempt: Attempt) -> None:
        """Write into `attempt` what was answered, and as its outcome the first thing wrong."""
        attempt.tokens = self._events if self._usage is None else self._usage
        attempt.finish_reason = self._finish_reason
        attempt.answered_model = self._models[-1] if self._models else None
        attempt.busy_reason = self.busy_reason
        attempt.failed(*(self.failure or self._incomplete() or self._wrong() or ("ok", None)))

    def _read(self, document: dict[str, Any]) -> bool:
        model = document.get("model")
        if isinstance(model, str) and model not in self._models[-1:]:
            self._models.append(model)
        usage = document.get("usage")
        if isinstance(usage, dict) and isinstance(usage.get("completion_tokens"), int):
            self._usage = usage["completion_tokens"]
        choices = document.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return False
        if isinstance(choice.get("finish_reason"), str):
            self._finish_reason = choice["finish_reason"]
        said = _said(choice)
        self._text.append(said)
        self._events += bool(said)
        return bool(said)

    def _fail(self, outcome: str, detail: str) -> bool:
        self.failure = self.failure or (outcome, detail)
        return False

    def _incomplete(self) -> tuple[str, str] | None:
        if not self.is_done and self._finish_reason is None:
            return "truncated", f"the stream ended after {self._events} tokens"
        if not self.is_done:
            return "missing_done", f"the stream ended without {DONE}"
        if self._events == 0:
            return "empty", "no event carried a token"
        if self._finish_reason is None:
            return "no_finish_reason", "no event said why the answer ended"
        return None

    def _wrong(self) -> tuple[str, str] | None:
        target = self._target
        strangers = [model for model in self._models if not _answers_as(target, model)]
        if strangers:
            return "wrong_model", f"{strangers[0]!r} answered for {target.model!r}"
        if self._usage is not None and not 1 <= self._usage <= target.max_tokens:
            return (
                "wrong_usage",
                f"usage tells {self._usage} tokens; asked for 1 to {target.max_tokens}",
            )
        text = "".join(self._text)
        if target.expect is not None and not re.search(target.expect, text):
            return "wrong_content", f"{text[:80]!r} does not match {target.expect!r}"
        return None


def _said(choice: dict[str, Any]) -> str:
    """The text in a choice; a tool call counts by its name or arguments."""
    if isinstance(choice.get("text"), str):
        return str(choice["text"])
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        return ""
    parts = [delta[key] for key in SPOKEN if isinstance(delta.get(key), str)]
    calls = delta.get("tool_calls")
    return "".join(parts) + (json.dumps(calls) if isinstance(calls, list) and calls else "")


def _answers_as(target: TargetSection, model: str) -> bool:
    if target.answers_as is not None:
        return re.fullmatch(target.answers_as, model) is not None
    return model == target.model or model.startswith(f"{target.model}-")
