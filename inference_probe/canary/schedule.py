"""When each target is asked: intervals with jitter, a bound on what runs at once, rest when asked.

Retries are tenacity's. Every attempt is handed on, the failed ones before a retry too.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_result,
    stop_after_attempt,
    wait_random_exponential,
)

from exporters.chance import CHANCE
from inference_probe.canary.ask import Asker
from inference_probe.canary.attempt import Attempt
from inference_probe.canary.config import CanarySection, TargetSection

log = logging.getLogger(__name__)

Told = Callable[[Attempt], object]
Skipped = Callable[[TargetSection, str], object]


class Schedule:
    """Asks every target again and again until it is cancelled."""

    def __init__(self, section: CanarySection, told: Told, skipped: Skipped) -> None:
        self._section = section
        self._told, self._skipped = told, skipped
        self._askers = [Asker(section, target) for target in section.targets]
        self._rest_until = dict.fromkeys(range(len(self._askers)), 0.0)
        self._places = asyncio.Semaphore(section.concurrency)

    async def run(self) -> None:
        """Keep asking; each target in its own time."""
        async with asyncio.TaskGroup() as group:
            for index in range(len(self._askers)):
                group.create_task(self._keep_asking(index))

    async def once(self) -> None:
        """Ask every target one time."""
        async with asyncio.TaskGroup() as group:
            for index in range(len(self._askers)):
                group.create_task(self._probe(index))

    async def _keep_asking(self, index: int) -> None:
        interval, jitter = self._section.interval_seconds, self._section.jitter_ratio
        due = time.monotonic() + CHANCE.uniform(0, jitter) * interval
        while True:
            await asyncio.sleep(due - time.monotonic())
            target = self._askers[index].target
            if time.monotonic() < self._rest_until[index]:
                self._skipped(target, "retry_after")
            else:
                await self._probe(index)
            due += interval * CHANCE.uniform(1 - jitter, 1 + jitter)
            while due < time.monotonic():
                self._skipped(target, "still_running")
                due += interval

    async def _probe(self, index: int) -> None:
        async with self._places:
            last = await self._attempts(self._askers[index])
        if last.retry_after is not None and not last.is_ok:
            self._rest_until[index] = time.monotonic() + last.retry_after

    async def _attempts(self, asker: Asker) -> Attempt:
        numbers = itertools.count()

        async def attempt() -> Attempt:
            made = await asker.ask(next(numbers))
            self._hand_on(made)
            return made

        retrying = AsyncRetrying(
            stop=self._is_enough,
            wait=self._wait,
            retry=retry_if_result(lambda made: made.may_pass),
            retry_error_callback=_last,
        )
        return await retrying(attempt)

    def _hand_on(self, made: Attempt) -> None:
        if not made.is_ok:
            log.warning(
                "%s (%s) answered %s: %s [%s]",
                *(made.endpoint, made.model, made.outcome, made.detail, made.request_id),
            )
        self._told(made)

    def _is_enough(self, state: RetryCallState) -> bool:
        """No retries are left, or the endpoint wants more rest than one probe can wait."""
        asked = _last(state).retry_after or 0.0
        if asked > self._section.interval_seconds:
            return True
        return stop_after_attempt(self._section.retries + 1)(state)

    def _wait(self, state: RetryCallState) -> float:
        """Full jitter, and never less than the endpoint asked for."""
        backoff = wait_random_exponential(multiplier=self._section.backoff_seconds)(state)
        return backoff + (_last(state).retry_after or 0.0)


def _last(state: RetryCallState) -> Attempt:
    assert state.outcome is not None
    made: Attempt = state.outcome.result()
    return made
