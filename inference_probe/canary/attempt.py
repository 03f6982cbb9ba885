"""What one attempt came to: plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

MAY_PASS: Final = frozenset({
    "busy", "server_error", "dns_error", "connect_error", "timeout_connect", "timeout_first_token",
    "timeout_stream", "disconnected", "truncated", "error_event",
})  # fmt: skip
"""Outcomes that another attempt may not meet; a wrong model stays wrong."""


@dataclass(slots=True)
class Attempt:
    """One request to one endpoint; times in seconds, None and absence for what never came.

    `first_token` counts from sending the request on an open connection, `total` from resolving
    the name. `tokens` are those of the answer's usage, or its events where it tells none.
    """

    endpoint: str
    model: str
    number: int = 0
    request_id: str = ""
    outcome: str = "probe_error"
    detail: str | None = None
    status: int | None = None
    busy_reason: str | None = None
    retry_after: float | None = None
    phases: dict[str, float] = field(default_factory=dict)
    first_token: float | None = None
    gaps: list[float] = field(default_factory=list)
    total: float = 0.0
    ended: float = 0.0
    tokens: int | None = None
    finish_reason: str | None = None
    answered_model: str | None = None
    certificate_expiry: float | None = None

    @property
    def is_ok(self) -> bool:
        return self.outcome == "ok"

    @property
    def may_pass(self) -> bool:
        return self.outcome in MAY_PASS

    def failed(self, outcome: str, detail: str | None = None) -> None:
        self.outcome, self.detail = outcome, detail

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as JSON wants it."""
        return asdict(self)
