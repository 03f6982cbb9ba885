"""Continuous batching over a paged KV cache, in a thread of its own.

One turn of the loop: let sequences in while the batch and the cache have room (one prefill a
turn, so that a long prompt delays the running ones once), then decode one token for every
running sequence. When the cache is full the youngest sequence gives its blocks back and starts
again from its prompt and what it had generated (preemption by recomputation).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch

from demo.service.accelerator import DeviceError
from demo.service.kernels import Device
from demo.service.transformer import Transformer

log = logging.getLogger("replica.engine")


class QueueFullError(Exception):
    """The engine's queue is full; try again later or elsewhere."""


class PromptTooLongError(Exception):
    """Prompt and answer together never fit into the KV cache."""


class EngineDeadError(Exception):
    """The device failed under the engine; it serves nothing until its process starts anew."""


class Observer(Protocol):
    """What the engine tells as it happens, from its own thread."""

    def stepped(self, kind: str, seconds: float) -> None:
        """One forward pass (prefill or decode) took this long."""

    def preempted(self) -> None:
        """A sequence was thrown out of the batch."""


@dataclass(eq=False)
class Sequence:
    """One request inside the engine; `deliver` gets each token, then None at the end."""

    prompt: list[int]
    max_tokens: int
    deliver: Callable[[int | None], None]
    generated: list[int] = field(default_factory=list)
    table: list[int] = field(default_factory=list)
    cancelled: bool = False
    failed: bool = False
    queued_ns: int = field(default_factory=time.time_ns)
    started_ns: int = 0
    first_token_ns: int = 0
    finished_ns: int = 0

    @property
    def tokens(self) -> list[int]:
        return self.prompt + self.generated

    @property
    def complete(self) -> bool:
        """Whether it has all its tokens, and the time of its end."""
        return self.finished_ns > 0 and len(self.generated) >= self.max_tokens


class Engine:
    """Owns the model, the free blocks and the batch; `submit` and `cancel` from any thread."""

    def __init__(
        self,
        model: Transformer,
        device: Device,
        observer: Observer,
        *,
        max_batch: int = 4,
        max_queue: int = 16,
    ) -> None:
        self.model, self.device, self.observer = model, device, observer
        self.max_batch, self.max_queue = max_batch, max_queue
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []
        self.stalled_until = 0.0
        self.dead = False
        self._free = list(range(model.shape.blocks))
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="engine", daemon=True)

    def start(self) -> None:
        """Warm the kernels up, then serve."""
        shape = self.model.shape
        for blocks in (1, 4, min(16, shape.blocks)):
            self.model.prefill([0] * (blocks * shape.block_size), list(range(blocks)))
            self.model.decode([0], [[0]], [1])
        self._thread.start()

    def stop(self) -> None:
        """End after the pass that runs now; sequences in flight get their end."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def submit(
        self, prompt: list[int], max_tokens: int, deliver: Callable[[int | None], None]
    ) -> Sequence:
        """Queue a prompt. Raises QueueFullError, PromptTooLongError or EngineDeadError."""
        if len(prompt) + max_tokens > self.model.shape.cache_tokens:
            raise PromptTooLongError
        sequence = Sequence(prompt, max_tokens, deliver)
        with self._changed:
            if self.dead:
                raise EngineDeadError
            if len(self.waiting) >= self.max_queue:
                raise QueueFullError
            self.waiting.append(sequence)
            self._changed.notify()
        return sequence

    def cancel(self, sequence: Sequence) -> None:
        """Forget a sequence whose client is gone; its blocks come back with the next turn."""
        sequence.cancelled = True

    @property
    def cache_usage(self) -> float:
        """Share of KV blocks in use."""
        return 1 - len(self._free) / self.model.shape.blocks

    @property
    def memory_bytes(self) -> int:
        """Weights and the KV blocks in use."""
        used = self.model.shape.blocks - len(self._free)
        return self.model.weight_bytes + used * self.model.block_bytes

    def _loop(self) -> None:
        try:
            while self._wait_for_work():
                self._drop_cancelled()
                self._admit()
                self._decode()
        except DeviceError:
            log.exception("the engine is dead: its device failed")
            self.dead = True
        with self._changed:
            for sequence in (*self.running, *self.waiting):
                sequence.failed = self.dead
                sequence.deliver(None)

    def _wait_for_work(self) -> bool:
        with self._changed:
            while not self._stopping:
                stall = self.stalled_until - time.monotonic()
                if stall <= 0 and (self.waiting or self.running):
                    return True
                self._changed.wait(timeout=min(max(stall, 0.05), 0.5))
        return False

    def _drop_cancelled(self) -> None:
        with self._changed:
            self.waiting = deque(one for one in self.waiting if not one.cancelled)
        for sequence in [one for one in self.running if one.cancelled]:
            self._leave(sequence)

    def _admit(self) -> None:
        with self._changed:
            if not self.waiting or len(self.running) >= self.max_batch:
                return
            sequence = self.waiting[0]
            if not self._grow(sequence, len(sequence.tokens)):
                return
            self.waiting.popleft()
            self.running.append(sequence)
        sequence.started_ns = sequence.started_ns or time.time_ns()
        tokens = sequence.tokens
        work = self.model.flops(len(tokens), len(tokens) ** 2 // 2)
        logits, seconds = self.device.run(lambda: self.model.prefill(tokens, sequence.table), work)
        self.observer.stepped("prefill", seconds)
        self._emit(sequence, logits)

    def _decode(self) -> None:
        for sequence in list(self.running):
            if sequence in self.running:
                self._make_room(sequence)
        batch = list(self.running)
        if not batch:
            return
        tokens = [one.generated[-1] for one in batch]
        tables = [one.table for one in batch]
        lengths = [len(one.tokens) for one in batch]
        work = self.model.flops(len(batch), sum(lengths))
        logits, seconds = self.device.run(lambda: self.model.decode(tokens, tables, lengths), work)
        self.observer.stepped("decode", seconds)
        for sequence, row in zip(batch, logits, strict=True):
            self._emit(sequence, row)

    def _make_room(self, sequence: Sequence) -> None:
        while not self._grow(sequence, len(sequence.tokens)):
            youngest = self.running[-1]
            self._release(youngest)
            self.running.remove(youngest)
            with self._changed:
                self.waiting.appendleft(youngest)
            self.observer.preempted()
            if youngest is sequence:
                return

    def _grow(self, sequence: Sequence, tokens: int) -> bool:
        """Give a sequence the blocks for so many tokens; False when too few are free."""
        missing = -(-tokens // self.model.shape.block_size) - len(sequence.table)
        if missing > len(self._free):
            return False
        sequence.table += [self._free.pop() for _ in range(missing)]
        return True

    def _release(self, sequence: Sequence) -> None:
        self._free += sequence.table
        sequence.table = []

    def _leave(self, sequence: Sequence) -> None:
        self._release(sequence)
        self.running.remove(sequence)
        sequence.finished_ns = time.time_ns()
        sequence.deliver(None)

    def _emit(self, sequence: Sequence, logits: torch.Tensor) -> None:
        token = int(logits.argmax())
        sequence.generated.append(token)
        sequence.first_token_ns = sequence.first_token_ns or time.time_ns()
        sequence.deliver(token)
        if len(sequence.generated) >= sequence.max_tokens:
            self._leave(sequence)
