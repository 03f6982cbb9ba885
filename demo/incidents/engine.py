"""One replica's engine: continuous batching over a KV cache, a step of the model at a time.

All sequences of a batch advance together, so one count of decode steps serves them all: a
sequence ends when the count reaches its own mark. The engine wakes only when that happens, when a
prefill ends or when the KV cache is full. Prefill is chunked: decoding goes on beside it, slower.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from dataclasses import dataclass

from demo.incidents.kernel import Event, Kernel

BESIDE_PREFILL = 0.6
"""Speed of decoding while a prompt is taken in."""
TINY = 1e-9


@dataclass(slots=True)
class Shape:
    """What a healthy engine can do."""

    max_batch: int = 16
    max_waiting: int = 64
    kv_tokens: int = 30_000
    base_step: float = 0.018
    step_per_sequence: float = 0.0006
    prefill_rate: float = 9_000.0


@dataclass(slots=True, eq=False)
class Sequence:
    """One request inside the engine; `done` gets "ok", "error" or "busy"."""

    prompt: int
    cached: int
    output: int
    done: Event
    came: float
    began: float = -1.0
    decoding: float = -1.0
    ended: float = -1.0
    mark: float = 0.0
    joined: float = 0.0
    generated: float = 0.0
    preempted: int = 0

    @property
    def phases(self) -> tuple[float, float, float]:
        """Seconds in queue, prefill and decode, as far as it came."""
        began = self.began if self.began >= 0 else self.ended
        decoding = self.decoding if self.decoding >= 0 else self.ended
        return began - self.came, decoding - began, self.ended - decoding


@dataclass(slots=True)
class Totals:
    """Running totals that the exporter shows."""

    decode_steps: float = 0.0
    decode_seconds: float = 0.0
    prefills: float = 0.0
    prefill_seconds: float = 0.0
    busy_seconds: float = 0.0
    preemptions: float = 0.0
    prompt_tokens: float = 0.0
    cached_tokens: float = 0.0
    generated_tokens: float = 0.0


class Engine:
    """Takes sequences in, works through them, and tells when each is done."""

    def __init__(self, kernel: Kernel, shape: Shape) -> None:
        self.kernel, self.shape = kernel, shape
        self.totals = Totals()
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []
        self.slowness = 1.0
        self._prefilling: Sequence | None = None
        self._left = 0.0
        self._steps = 0.0
        self._prompts = 0.0
        self._joined = 0.0
        self._last = kernel.now
        self._plans = itertools.count()
        self._plan_number = next(self._plans)

    def submit(self, prompt: int, cached: int, output: int) -> Sequence:
        """Queue a sequence; one that finds the queue full is done at once as busy."""
        sequence = Sequence(prompt, cached, output, self.kernel.event(), self.kernel.now)
        if len(self.waiting) >= self.shape.max_waiting:
            sequence.ended = self.kernel.now
            sequence.done.succeed("busy")
            return sequence
        self.totals.prompt_tokens += prompt
        self.totals.cached_tokens += cached
        self._advance()
        self.waiting.append(sequence)
        self._admit()
        self._plan()
        return sequence

    def cancel(self, sequence: Sequence, outcome: str = "gone") -> None:
        """Let go of a sequence whose client left, or that failed."""
        if sequence.ended >= 0:
            return
        self._advance()
        if sequence in self.running:
            self._leave(sequence)
        elif sequence is self._prefilling:
            self._prefilling = None
            self._prompts -= sequence.prompt
        elif sequence in self.waiting:
            self.waiting.remove(sequence)
        self._end(sequence, outcome)
        self._admit()
        self._plan()

    def fail_all(self) -> None:
        """Every sequence ends in an error: the process or its device is gone."""
        self._advance()
        everyone = [*self.running, *self.waiting]
        if self._prefilling is not None:
            everyone.append(self._prefilling)
        self.running, self.waiting, self._prefilling = [], deque(), None
        self._prompts = self._joined = 0.0
        for sequence in everyone:
            self._end(sequence, "error")
        self._plan()

    def slow_down(self, slowness: float) -> None:
        """From now on every step takes this many times as long."""
        self._advance()
        self.slowness = slowness
        self._plan()

    def look(self) -> None:
        """Bring the totals up to now: call it before reading them."""
        self._advance()
        self._plan()

    @property
    def kv_used(self) -> float:
        """Tokens in the KV cache."""
        return self._prompts + len(self.running) * self._steps - self._joined

    @property
    def batch(self) -> int:
        return len(self.running) + (self._prefilling is not None)

    def _step_seconds(self) -> float:
        shape = self.shape
        step = shape.base_step + shape.step_per_sequence * len(self.running)
        beside = BESIDE_PREFILL if self._prefilling is not None else 1.0
        return step * self.slowness / beside

    def _advance(self) -> None:
        passed = self.kernel.now - self._last
        self._last = self.kernel.now
        if passed <= 0:
            return
        totals = self.totals
        if self._prefilling is not None:
            self._left -= passed
            totals.prefill_seconds += passed
        if self.running:
            steps = passed / self._step_seconds()
            self._steps += steps
            totals.decode_steps += steps
            totals.decode_seconds += passed
            totals.generated_tokens += steps * len(self.running)
        if self.running or self._prefilling is not None:
            totals.busy_seconds += passed
        self._settle()

    def _settle(self) -> None:
        """End what is finished by now."""
        if self._prefilling is not None and self._left <= TINY:
            self._begin_decoding(self._prefilling)
        finished = [one for one in self.running if one.mark <= self._steps + TINY]
        for sequence in finished:
            self._leave(sequence)
            self._end(sequence, "ok")
        while self.kv_used > self.shape.kv_tokens and len(self.running) > 1:
            self._preempt()

    def _begin_decoding(self, sequence: Sequence) -> None:
        self.totals.prefills += 1
        self._prefilling = None
        if sequence.decoding < 0:
            sequence.decoding = self.kernel.now
        sequence.joined = self._steps
        sequence.mark = self._steps + max(1.0, sequence.output - sequence.generated)
        self._joined += self._steps
        self.running.append(sequence)

    def _leave(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self._prompts -= sequence.prompt
        self._joined -= sequence.joined

    def _preempt(self) -> None:
        """Throw out the one that came last; what it had must be computed again."""
        sequence = self.running[-1]
        self._leave(sequence)
        made = self._steps - sequence.joined
        sequence.generated += made
        sequence.prompt += int(made)
        sequence.cached = 0
        sequence.preempted += 1
        self.totals.preemptions += 1
        self.waiting.appendleft(sequence)

    def _admit(self) -> None:
        if self._prefilling is not None or not self.waiting:
            return
        if self.batch >= self.shape.max_batch:
            return
        head = self.waiting[0]
        if self.running and self.kv_used + head.prompt > self.shape.kv_tokens:
            return
        self.waiting.popleft()
        if head.began < 0:
            head.began = self.kernel.now
        self._prefilling = head
        self._prompts += head.prompt
        fresh = max(1, head.prompt - head.cached)
        self._left = (0.01 + fresh / self.shape.prefill_rate) * self.slowness

    def _end(self, sequence: Sequence, outcome: str) -> None:
        sequence.ended = self.kernel.now
        sequence.done.succeed(outcome)

    def _plan(self) -> None:
        """Wake when something next changes; plans made before are void."""
        self._plan_number = number = next(self._plans)
        wait = self._next_change()
        if math.isfinite(wait):
            self.kernel.later(max(wait, 1e-6), lambda: self._wake(number))

    def _next_change(self) -> float:
        waits = [self._left] if self._prefilling is not None else []
        if self.running:
            first = min(one.mark for one in self.running) - self._steps
            room = (self.shape.kv_tokens - self.kv_used) / len(self.running)
            if len(self.running) > 1:
                first = min(first, max(room, 1.0))
            waits.append(first * self._step_seconds())
        return min(waits, default=math.inf)

    def _wake(self, number: int) -> None:
        if number != self._plan_number:
            return
        self._advance()
        self._admit()
        self._plan()
