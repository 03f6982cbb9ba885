"""What the canary was told, as Prometheus series."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from exporters.catalog import canary as signals
from exporters.catalog.signal import Gauge
from exporters.exposition import Registry
from inference_probe.canary.attempt import Attempt
from inference_probe.canary.config import TargetSection

MAX_REASONS: Final = 24
"""Reasons kept apart per endpoint and model; further ones count as `_other`."""
OTHER: Final = "_other"

LAST: Final = (
    signals.CANARY_UP, signals.CANARY_LAST_OUTCOME, signals.CANARY_LAST_STATUS,
    signals.CANARY_RETRY_AFTER, signals.CANARY_CERTIFICATE_EXPIRY,
)  # fmt: skip


class CanaryExporter:
    """The series of all targets; counters are there from the start, at zero."""

    def __init__(self, targets: Iterable[TargetSection]) -> None:
        self._registry = Registry(max_children=100_000)
        self._reasons: dict[tuple[str, str], set[str]] = {}
        self._last_outcome: dict[tuple[str, str], str] = {}
        info = self._registry.gauge(signals.CANARY_INFO)
        for target in targets:
            info.set(1, target.name, target.model, target.address)
            self._start_at_zero(target.name, target.model)

    def collect_text(self) -> str:
        return self._registry.collect_text()

    def publish(self, attempt: Attempt) -> None:
        """Count one attempt and show it as the last."""
        who = (attempt.endpoint, attempt.model)
        registry = self._registry
        registry.counter(signals.CANARY_REQUESTS).inc(1.0, *who, attempt.outcome)
        if attempt.number:
            registry.counter(signals.CANARY_RETRIES).inc(1.0, *who, attempt.outcome)
        else:
            registry.gauge(signals.CANARY_UP).set(float(attempt.is_ok), *who)
        if attempt.busy_reason is not None:
            reason = self._reason(who, attempt.busy_reason)
            registry.counter(signals.CANARY_BUSY).inc(1.0, *who, reason)
        self._time(attempt, who)
        self._show(attempt, who)

    def skipped(self, target: TargetSection, reason: str) -> None:
        """Count a probe that was not sent."""
        self._registry.counter(signals.CANARY_SKIPPED).inc(1.0, target.name, target.model, reason)

    def withdraw(self) -> None:
        """End every series that tells of now: nobody asks any more."""
        for signal in LAST:
            self._registry.gauge(signal).clear()

    def _time(self, attempt: Attempt, who: tuple[str, str]) -> None:
        registry = self._registry
        registry.histogram(signals.CANARY_DURATION).observe(attempt.total, *who)
        phases = registry.histogram(signals.CANARY_PHASE_DURATION)
        for phase, seconds in attempt.phases.items():
            phases.observe(seconds, *who, phase)
        if attempt.first_token is not None:
            registry.histogram(signals.CANARY_TIME_TO_FIRST_TOKEN).observe(
                attempt.first_token, *who
            )
        gaps = registry.histogram(signals.CANARY_INTER_TOKEN).labels(*who)
        for gap in attempt.gaps:
            gaps.observe(gap)
        if attempt.tokens:
            registry.counter(signals.CANARY_TOKENS).inc(attempt.tokens, *who)

    def _show(self, attempt: Attempt, who: tuple[str, str]) -> None:
        self._registry.gauge(signals.CANARY_LAST_TIME).set(attempt.ended, *who)
        self._set(signals.CANARY_LAST_STATUS, attempt.status, who)
        self._set(signals.CANARY_RETRY_AFTER, attempt.retry_after, who)
        if attempt.certificate_expiry is not None:
            self._set(signals.CANARY_CERTIFICATE_EXPIRY, attempt.certificate_expiry, who)
        outcomes = self._registry.gauge(signals.CANARY_LAST_OUTCOME)
        before = self._last_outcome.get(who)
        if before not in {None, attempt.outcome}:
            outcomes.remove(*who, before)
        outcomes.set(1, *who, attempt.outcome)
        self._last_outcome[who] = attempt.outcome

    def _set(self, signal: Gauge, value: float | None, who: tuple[str, str]) -> None:
        family = self._registry.gauge(signal)
        if value is None:
            family.remove(*who)
        else:
            family.set(value, *who)

    def _reason(self, who: tuple[str, str], reason: str) -> str:
        known = self._reasons.setdefault(who, set())
        if reason not in known and len(known) >= MAX_REASONS:
            return OTHER
        known.add(reason)
        return reason

    def _start_at_zero(self, *who: str) -> None:
        for outcome in signals.OUTCOMES:
            self._registry.counter(signals.CANARY_REQUESTS).inc(0.0, *who, outcome)
        for reason in signals.SKIPS:
            self._registry.counter(signals.CANARY_SKIPPED).inc(0.0, *who, reason)
        self._registry.counter(signals.CANARY_TOKENS).inc(0.0, *who)
