from __future__ import annotations

import queue
import time

import pytest

from demo.service.accelerator import DeviceError
from demo.service.engine import (
    Engine,
    EngineDeadError,
    PromptTooLongError,
    QueueFullError,
    Sequence,
)
from demo.service.kernels import Device
from demo.service.transformer import Shape, Transformer


class Heard:
    def __init__(self):
        self.steps: list[tuple[str, float]] = []
        self.preemptions = 0

    def stepped(self, kind: str, seconds: float) -> None:
        self.steps.append((kind, seconds))

    def preempted(self) -> None:
        self.preemptions += 1


class Asked:
    """A submitted sequence and what it delivered."""

    def __init__(self, engine: Engine, prompt: bytes, max_tokens: int) -> None:
        self.delivered: queue.Queue[int | None] = queue.Queue()
        self.sequence: Sequence = engine.submit(list(prompt), max_tokens, self.delivered.put)

    def tokens(self) -> list[int]:
        found = []
        while (token := self.delivered.get(timeout=10)) is not None:
            found.append(token)
        return found


@pytest.fixture
def make():
    engines = []

    def make(blocks: int = 64, *, start: bool = True, **limits: int) -> Engine:
        shape = Shape(width=32, layers=2, heads=4, blocks=blocks, block_size=4)
        engine = Engine(Transformer(shape, seed=3), Device(speed=50), Heard(), **limits)
        if start:
            engine.start()
            engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.stop()


PROMPTS = [b"a burst of traffic", b"one slow replica", b"long prompts fill the cache", b"x"]


def test_sequences_in_one_batch_get_the_tokens_they_get_alone(make):
    engine = make(max_batch=4)
    alone = [Asked(engine, prompt, 12).tokens() for prompt in PROMPTS]

    together = [Asked(engine, prompt, 12) for prompt in PROMPTS]

    assert [asked.tokens() for asked in together] == alone


def test_preemption_changes_nothing_but_time(make):
    roomy = make(64, max_batch=4)
    expected = [Asked(roomy, prompt, 30).tokens() for prompt in PROMPTS]
    tight = make(18, max_batch=4)

    asked = [Asked(tight, prompt, 30) for prompt in PROMPTS]

    assert [one.tokens() for one in asked] == expected
    assert tight.observer.preemptions > 0
    assert tight.cache_usage == 0


def test_a_full_queue_refuses(make):
    engine = make(start=False, max_queue=2)
    Asked(engine, b"one", 4)
    Asked(engine, b"two", 4)

    with pytest.raises(QueueFullError):
        Asked(engine, b"three", 4)


def test_a_prompt_that_never_fits_is_refused_at_once(make):
    with pytest.raises(PromptTooLongError):
        Asked(make(4, start=False), b"seventeen letters", 1)


def test_a_cancelled_sequence_gives_its_blocks_back(make):
    engine = make()
    asked = Asked(engine, b"gone before the end", 200)
    asked.delivered.get(timeout=10)

    engine.cancel(asked.sequence)

    assert len(asked.tokens()) < 199
    assert engine.cache_usage == 0


def test_a_sequence_is_complete_once_its_end_is_known_too():
    leaving = Sequence([1], 1, print)
    leaving.generated.append(7)
    assert not leaving.complete

    leaving.finished_ns = 1
    assert leaving.complete


def test_a_stalled_engine_serves_again_when_the_stall_is_over(make):
    engine = make()
    started = time.monotonic()
    engine.stalled_until = started + 0.3

    assert len(Asked(engine, b"wait", 2).tokens()) == 2
    assert time.monotonic() - started >= 0.3


def test_a_stopping_engine_ends_what_is_in_flight(make):
    engine = make()
    engine.stalled_until = time.monotonic() + 60
    asked = Asked(engine, b"never served", 2)

    engine.stop()

    assert asked.tokens() == []


def test_a_slow_device_takes_longer_for_the_same_kernel():
    device = Device()
    _, normal = device.run(lambda: None, flops=37e6)
    device.slowdown = 5.0
    _, slow = device.run(lambda: None, flops=37e6)

    assert 4 < slow / normal < 6
    assert device.busy_seconds() == pytest.approx(normal + slow)


class DeadDevice(Device):
    def run(self, kernel, flops):
        raise DeviceError("unspecified launch failure")


def test_an_engine_whose_device_failed_ends_what_it_has_and_takes_nothing_more():
    shape = Shape(width=32, layers=2, heads=4, blocks=64, block_size=4)
    engine = Engine(Transformer(shape, seed=3), DeadDevice(), Heard())
    engine.start()
    asked = Asked(engine, b"lost", 2)

    assert asked.tokens() == []
    assert asked.sequence.failed
    with pytest.raises(EngineDeadError):
        engine.submit([1], 2, print)
    engine.stop()
