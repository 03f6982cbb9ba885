"""What only the app knows of a request, told through `scope["busysignal"]`."""

from __future__ import annotations

from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, cast

KEY = "busysignal"


class Annotations:
    """Set these before the last byte is sent; what stays None was not known.

    `reason` says why a 429 or 503 was answered; `cached_tokens` is the part of `prompt_tokens`
    whose KV cache was reused. `route` is a template, never a path: `/items/{id}`. Tokens that the
    app does not tell are read off the answer's `usage`.
    """

    route: str | None = None
    trace_id: str | None = None

    priority: str | None = None
    reason: str | None = None
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    cached_tokens: int | None = None

    _model: str | None = None

    @property
    def model(self) -> str | None:
        return self._model

    @model.setter
    def model(self, name: str) -> None:
        self._model = name
        self._named(name)

    def _named(self, model: str) -> None:
        """Learn that the app named the model."""


def annotations_of(scope: MutableMapping[str, Any]) -> Annotations:
    """The request's annotations; where it is not measured, an object that nobody reads."""
    return cast("Annotations", scope.get(KEY) or Annotations())


CALL: ContextVar[Annotations | None] = ContextVar("busysignal_call", default=None)
"""The gRPC call under way: gRPC has no scope to put it in."""


def annotations_of_call() -> Annotations:
    """The annotations of the gRPC call under way; outside of one, an object that nobody reads."""
    return CALL.get() or Annotations()
