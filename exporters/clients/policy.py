"""How a client behaves when it is refused or kept waiting: retries, circuits, fallbacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from exporters.errors import UsageError

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""Methods that may be sent twice (RFC 9110, 9.2.2)."""
UNTOUCHED: Final = frozenset({"status_429", "status_503", "connect"})
"""Failures after which the server has not begun: any method may be sent again."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When to try again, and when not to.

    Waits are exponential with full jitter, from `backoff_seconds` to `backoff_cap_seconds`, on top
    of what Retry-After asks for; asked for more than `retry_after_cap_seconds`, the client gives
    up. A POST is repeated only where the server has not begun with it, unless `repeat_posts` or
    an Idempotency-Key says that it may be. Retries are at most `budget_ratio` of the requests
    (after `budget_reserve` in advance), so that an outage is not answered by a retry storm.
    """

    attempts: int = 5
    backoff_seconds: float = 0.5
    backoff_cap_seconds: float = 30.0
    retry_after_cap_seconds: float = 60.0
    deadline_seconds: float | None = None
    statuses: frozenset[int] = frozenset({429, 502, 503, 504})
    repeat_posts: bool = False
    budget_ratio: float | None = 0.2
    budget_reserve: float = 10.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise UsageError(f"attempts = {self.attempts}: give 1 (no retry) or more")
        if not 0 < self.backoff_seconds <= self.backoff_cap_seconds:
            raise UsageError(
                f"backoff_seconds = {self.backoff_seconds}: give more than 0 and at most "
                f"backoff_cap_seconds ({self.backoff_cap_seconds})"
            )
        if self.budget_ratio is not None and self.budget_ratio < 0:
            raise UsageError(
                f"budget_ratio = {self.budget_ratio}: give a share such as 0.2, or None for any"
            )

    def may_repeat(self, reason: str, method: str, headers: Mapping[str, str]) -> bool:
        """Whether a request that failed for `reason` may be sent once more."""
        return (
            reason in UNTOUCHED
            or method in IDEMPOTENT
            or self.repeat_posts
            or "idempotency-key" in {name.lower() for name in headers}
        )


NO_RETRY: Final = RetryPolicy(attempts=1)


@dataclass(frozen=True, kw_only=True)
class CircuitPolicy:
    """Stop asking a target after `failures` in a row; let one request through after `open_seconds`.

    Failures are connections, timeouts, resets and `statuses`; 429 says that the target is alive.
    """

    failures: int = 5
    open_seconds: float = 30.0
    statuses: frozenset[int] = frozenset({500, 502, 503, 504})

    def __post_init__(self) -> None:
        if self.failures < 1 or self.open_seconds <= 0:
            raise UsageError(
                f"failures = {self.failures}, open_seconds = {self.open_seconds}: "
                "give at least 1 and more than 0"
            )


@dataclass(frozen=True, kw_only=True)
class Fallback:
    """Another target for what the first one cannot answer.

    `url` replaces the origin, and its path goes in front of the request's; `model` replaces the
    model in a JSON body. Credentials of the first target stay behind: `headers` gives this one's.
    """

    name: str
    url: str
    model: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class RetryBudget:
    """Each request earns a share of a retry, each retry costs a whole one; safe in any thread."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._ratio = policy.budget_ratio
        self._most = max(policy.budget_reserve, 1.0)
        self._left = policy.budget_reserve
        self._lock = Lock()

    def earn(self) -> None:
        """Count a request."""
        with self._lock:
            self._left = min(self._most, self._left + (self._ratio or 0.0))

    def spend(self) -> bool:
        """Take one retry if there is one."""
        with self._lock:
            if self._ratio is not None and self._left < 1.0:
                return False
            self._left -= 1.0 if self._ratio is not None else 0.0
            return True
