"""One request of a caller over all its attempts: what to do next, without doing any I/O.

The transports do the I/O and ask here; sync and async thus decide alike. Backoff is tenacity's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final

from opentelemetry.trace import Span
from tenacity import RetryCallState, retry_if_result

from exporters.clients.caller import Caller
from exporters.clients.policy import Fallback
from exporters.clients.retry_after import retry_after_seconds
from exporters.clients.spans import AttemptSpans
from exporters.requests.outcome import outcome_of_status

RESEND_HEADER: Final = "x-stainless-retry-count"
"""How OpenAI's clients number their retries; the request exporter counts arrivals by it."""


@dataclass(slots=True)
class Attempt:
    """One attempt at one target, and how it went."""

    target: str
    started: float = field(default_factory=perf_counter)
    span: Span | None = None
    headers: dict[str, str] = field(default_factory=dict)
    response: Any = None
    status: int | None = None
    error: BaseException | None = None
    outcome: str = "ok"
    reason: str | None = None
    """Why another attempt may fare better; None where it would not, or none is needed."""
    retry_after: float = 0.0
    is_refused: bool = False


class Call:
    """The state of one request; `attempts` are all that were made, the last one last."""

    def __init__(
        self, caller: Caller, method: str, headers: Mapping[str, str], *, is_replayable: bool
    ) -> None:
        self.caller = caller
        self._method, self._headers = method, headers
        self._is_replayable = is_replayable
        self._started = perf_counter()
        self._spans = AttemptSpans(caller.tracer, caller.metrics)
        self._sent = 0
        told = headers.get(RESEND_HEADER, "0")
        self._resent_before = int(told) if told.isdecimal() else 0
        self._fallback: str | None = None
        self._is_over = False
        self._has_byte = False
        caller.budget.earn()
        caller.metrics.began(caller.target)

    # ---- attempts

    def begin(self, target: str, url: str) -> Attempt:
        """Open an attempt; one with `is_refused` must not be sent, its circuit is open."""
        attempt = Attempt(target)
        if not self.caller.circuits.enter(target):
            attempt.is_refused, attempt.outcome, attempt.reason = True, "rejected", "circuit_open"
            self.caller.metrics.circuit_refused(target)
            return attempt
        attempt.span, attempt.headers = self._spans.begin(self._method, url, self._sent)
        if self._sent:
            attempt.headers[RESEND_HEADER] = str(self._resent_before + self._sent)
        self._sent += 1
        return attempt

    def answered(
        self, attempt: Attempt, response: Any, status: int, retry_after: str | None
    ) -> None:
        """Judge the headers of an answer."""
        policy = self.caller.circuits.policy
        failed = policy is not None and status in policy.statuses
        self.caller.circuits.leave(attempt.target, failed=failed)
        attempt.response, attempt.status = response, status
        attempt.outcome = outcome_of_status(status)
        if status in self.caller.retry.statuses:
            attempt.reason = f"status_{status}"
            attempt.retry_after = retry_after_seconds(retry_after, time.time) or 0.0

    def failed(
        self, attempt: Attempt, error: BaseException, reason: str | None, outcome: str
    ) -> None:
        """Judge an attempt that got no answer; `reason` as in RETRY_REASONS."""
        self.caller.circuits.leave(attempt.target, failed=True if reason else None)
        attempt.error, attempt.reason, attempt.outcome = error, reason, outcome
        self.end_attempt(attempt)

    def abandoned(self, attempt: Attempt | None, error: BaseException) -> None:
        """The caller left (a cancelled task, Ctrl-C) while an attempt or a wait was under way."""
        if attempt is not None:
            self.caller.circuits.leave(attempt.target, failed=None)
            attempt.outcome, attempt.error = "client_gone", error
            self.end_attempt(attempt)
        self.finish("client_gone")

    def end_attempt(self, attempt: Attempt) -> None:
        """Count an attempt that is over, and end its span."""
        seconds = perf_counter() - attempt.started
        metrics = self.caller.metrics
        metrics.attempt(attempt.target, attempt.outcome, attempt.status, seconds)
        kind = type(attempt.error).__name__ if attempt.error else None
        self._spans.end(attempt.span, attempt.status, kind)

    # ---- what next: tenacity's hooks, over attempts as results

    def hooks(self) -> dict[str, Any]:
        """Arguments for tenacity's Retrying and AsyncRetrying."""
        return {
            "retry": retry_if_result(lambda attempt: attempt.reason is not None),
            "wait": self._wait,
            "stop": self._gives_up,
            "retry_error_callback": last_of,
        }

    def retrying(self, attempt: Attempt, seconds: float) -> None:
        """Count that `attempt` is followed by another after a wait."""
        asked = min(attempt.retry_after, seconds)
        if attempt.error is None:
            self.end_attempt(attempt)
        reason = attempt.reason or ""
        self.caller.metrics.retry(attempt.target, reason, seconds - asked, asked)

    def wants_fallback(self, attempt: Attempt) -> bool:
        """Whether another target may do better; a body that is gone cannot be sent there."""
        has_failed = attempt.reason is not None or (attempt.status or 0) >= 500
        return has_failed and self._is_replayable

    def fall_back(self, attempt: Attempt, fallback: Fallback) -> None:
        """Leave `attempt` behind and go on at another target."""
        if attempt.error is None and not attempt.is_refused:
            self.end_attempt(attempt)
        self._fallback = fallback.name

    def _wait(self, state: RetryCallState) -> float:
        return self.caller.backoff(state) + last_of(state).retry_after

    def _gives_up(self, state: RetryCallState) -> bool:
        reason = self._why_not(last_of(state), state)
        # Who never tries again does not give up either.
        if reason is not None and (self.caller.retry.attempts > 1 or reason != "attempts"):
            self.caller.metrics.gave_up(last_of(state).target, reason)
        return reason is not None

    def _why_not(self, attempt: Attempt, state: RetryCallState) -> str | None:
        policy = self.caller.retry
        reason = attempt.reason or ""
        if attempt.is_refused:
            return "circuit_open"
        if state.attempt_number >= policy.attempts:
            return "attempts"
        may_repeat = policy.may_repeat(reason, self._method, self._headers)
        if not (self._is_replayable and may_repeat):
            return "not_repeatable"
        if attempt.retry_after > policy.retry_after_cap_seconds:
            return "retry_after"
        until = perf_counter() - self._started + state.upcoming_sleep
        if policy.deadline_seconds is not None and until > policy.deadline_seconds:
            return "deadline"
        return None if self.caller.budget.spend() else "budget"

    # ---- the end

    def first_byte(self) -> None:
        """Note the first byte of the body; further calls are nothing."""
        if not self._has_byte:
            self._has_byte = True
            seconds = perf_counter() - self._started
            self.caller.metrics.first_byte(self.caller.target, seconds)

    def finish(self, outcome: str) -> None:
        """Close the request; the first end is the one that counts."""
        if self._is_over:
            return
        self._is_over = True
        caller = self.caller
        caller.metrics.finished(caller.target, outcome, perf_counter() - self._started)
        if self._fallback is not None:
            caller.metrics.fell_back(caller.target, self._fallback, outcome)


class Body:
    """The end of an answered request as its body goes by: whole, broken off, or left early."""

    def __init__(self, call: Call, attempt: Attempt) -> None:
        self._call, self._attempt = call, attempt
        self._is_over = False

    def chunk(self) -> None:
        self._call.first_byte()

    def complete(self) -> None:
        self._end(self._attempt.outcome)

    def broke(self, error: BaseException) -> None:
        self._attempt.error = error
        self._end("failed_midstream" if isinstance(error, Exception) else "client_gone")

    def closed(self) -> None:
        """Closed by the caller; early, unless the end has been seen or nobody wants to see it."""
        judged = self._attempt.outcome
        self._end("client_gone" if judged == "ok" else judged)

    def _end(self, outcome: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._attempt.outcome = outcome
            self._call.end_attempt(self._attempt)
            self._call.finish(outcome)


def last_of(state: RetryCallState) -> Attempt:
    """The attempt that tenacity just saw."""
    assert state.outcome is not None
    attempt: Attempt = state.outcome.result()
    return attempt
